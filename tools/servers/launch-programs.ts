import { spawn } from 'node:child_process'
import { closeSync, openSync, rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Instance } from './instance.ts'
import type { Launch, ServerKind } from './kinds/kind.ts'
import type { Launcher } from './launcher.ts'
import { family, gone, type Identity, identify, isAlive, killFamily, signal } from './process-identity.ts'

/** Servers as processes of this machine, each in a session of its own, so that Ctrl-C in a terminal does not reach them. */
export const programs: Launcher = {
  async start(kind, instance, onStart) {
    const found = kind.find()
    if (typeof found === 'string') throw new Error(`${kind.name} cannot be started: ${found}`)
    for (const launch of await kind.prepare(instance, found)) {
      const running = instance.processes[launch.name]
      if (running && isAlive(running)) continue
      instance.processes[launch.name] = await launched(launch, instance.log)
      onStart()
    }
  },

  isRunning: (instance) => Promise.resolve(isUp(instance.processes['main'])),

  async kill(instance) {
    const { main } = instance.processes
    if (main) await killFamily(main)
  },

  async shutdown(kind: ServerKind, instance) {
    const { main } = instance.processes
    if (!main) return
    const members = family(main)
    for (const one of members) signal(one, 'SIGCONT')
    signal(main, kind.goodbye.signal)
    if (!(await gone(main, kind.goodbye.patience))) await killFamily(main)
    for (const one of members) if (!(await gone(one, 2_000))) await killFamily(one)
    await killCompanions(instance)
  },

  pause(instance) {
    for (const one of membersOf(instance)) signal(one, 'SIGSTOP')
    return Promise.resolve()
  },

  resume(instance) {
    for (const one of membersOf(instance).toReversed()) signal(one, 'SIGCONT')
    return Promise.resolve()
  },

  async remove(instance) {
    await programs.kill(instance)
    await killCompanions(instance)
    rmSync(instance.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  },
}

function isUp(one: Identity | undefined): boolean {
  return one !== undefined && isAlive(one)
}

function membersOf({ processes: { main } }: Instance): Identity[] {
  return main ? family(main) : []
}

async function killCompanions({ processes }: Instance): Promise<void> {
  for (const [name, one] of Object.entries(processes)) if (name !== 'main') await killFamily(one)
}

async function launched({ program, args, env, user }: Launch, log: string): Promise<Identity> {
  const file = openSync(log, 'a')
  try {
    const child = spawn(program, args, {
      cwd: '/',
      detached: true,
      stdio: ['ignore', file, file],
      env: { ...process.env, ...env },
      ...user,
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
    child.unref()
    const identity = identify(child.pid as number)
    if (identity) return identity
    // It ended before it could be looked at. What it said is in its log; no process has its number and this time.
    await pause(0)
    return { pid: child.pid as number, started: 'ended at once' }
  } finally {
    closeSync(file)
  }
}
