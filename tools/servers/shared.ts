import { allInstances, type Instance, readInstance, thisUser, writeInstance } from './instance.ts'
import { kinds } from './kinds/all.ts'
import type { Say } from './kinds/kind.ts'
import { makeInstance, removeInstance, startInstance } from './life.ts'
import { withLock } from './lock.ts'
import { launcherOf, obtain } from './obtain.ts'
import { sweepPorts } from './ports.ts'
import { isAlive } from './process-identity.ts'
import { isServerName, type ServerName, titles, urlOfEnvironment, variables } from './server-names.ts'

/** The address of a server that serves clients, or why there is none. */
export type Had = { readonly url: string; readonly how: string } | { readonly missing: string }

/**
 * The one server of that kind which all tests and programs of this work tree share: started if need be.
 * `keep` means that it stays when the test runs that use it are over.
 */
export async function ensureShared(name: ServerName, { keep, say }: { keep: boolean; say: Say }): Promise<Had> {
  const given = urlOfEnvironment(name)
  if (given !== undefined) return { url: given, how: `from ${variables[name]}` }
  return withLock(`server-${name}`, async () => {
    await sweep()
    const found = readInstance(name)
    // What an aborted test run has left behind begins anew; what somebody keeps goes on with its data.
    if (found && !found.keep && !(await launcherOf(found).isRunning(found))) await removeInstance(found)
    let instance = readInstance(name)
    const fresh = instance === undefined
    if (!instance) {
      const obtained = await obtain(name, say)
      if ('missing' in obtained) return obtained
      instance = await makeInstance(name, obtained.from, { id: name })
    }
    instance.keep ||= keep
    if (!instance.users.some(isThisUser)) instance.users.push(thisUser())
    try {
      await startInstance(instance)
    } catch (error) {
      if (fresh) await removeInstance(instance)
      return { missing: error instanceof Error ? error.message : String(error) }
    }
    return { url: kinds[name].url(instance.ports), how: fresh ? 'started' : 'was there' }
  })
}

/** SIGKILL; its data stay. */
export async function killShared(name: ServerName): Promise<void> {
  await withShared(name, (instance) => launcherOf(instance).kill(instance))
}

/** Starts it again after a kill, or stops it in an orderly way and starts it: same port, same data. */
export async function restartShared(name: ServerName): Promise<void> {
  await withShared(name, async (instance) => {
    await launcherOf(instance).shutdown(kinds[name], instance)
    await startInstance(instance)
  })
}

export async function pauseShared(name: ServerName): Promise<void> {
  await withShared(name, (instance) => launcherOf(instance).pause(instance))
}

export async function resumeShared(name: ServerName): Promise<void> {
  await withShared(name, (instance) => launcherOf(instance).resume(instance))
}

/** Stops it in an orderly way, whoever uses it. Data stay. False: it was not running. */
export async function shutdownShared(name: ServerName): Promise<boolean> {
  return withLock(`server-${name}`, async () => {
    const instance = readInstance(name)
    if (!instance || !(await launcherOf(instance).isRunning(instance))) return false
    await launcherOf(instance).shutdown(kinds[name], instance)
    return true
  })
}

/** Ends the use of all servers by this test run; those that nobody else uses or keeps are killed and their data removed. */
export async function leaveShared(): Promise<void> {
  const shared = allInstances().filter(({ id }) => isServerName(id))
  await Promise.all(
    shared.map(({ kind }) =>
      withLock(`server-${kind}`, async () => {
        const instance = readInstance(kind)
        if (!instance) return
        instance.users = instance.users.filter((user) => isAlive(user) && !isThisUser(user))
        if (instance.keep || instance.users.length > 0) writeInstance(instance)
        else await removeInstance(instance)
      }),
    ),
  )
}

/** Removes servers of tests' own whose test process is gone, and ports that nobody holds. */
export async function sweep(): Promise<void> {
  await withLock('sweep', async () => {
    for (const instance of allInstances())
      if (!isServerName(instance.id) && !instance.users.some(isAlive)) await removeInstance(instance)
    sweepPorts()
  })
}

async function withShared(name: ServerName, work: (instance: Instance) => Promise<void>): Promise<void> {
  await withLock(`server-${name}`, async () => {
    const instance = readInstance(name)
    if (instance) return work(instance)
    const given = urlOfEnvironment(name) !== undefined
    throw new Error(
      given
        ? `${titles[name]} comes from ${variables[name]}: only what these tools started is theirs to signal.`
        : `${titles[name]} was not started by these tools: npm run servers -- up ${name}`,
    )
  })
}

function isThisUser({ pid, started }: { pid: number; started: string }): boolean {
  const user = thisUser()
  return user.pid === pid && user.started === started
}
