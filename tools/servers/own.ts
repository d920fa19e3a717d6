import { type Instance, type Settings, writeInstance } from './instance.ts'
import { kinds } from './kinds/all.ts'
import { makeInstance, removeInstance, startInstance } from './life.ts'
import { launcherOf, obtain } from './obtain.ts'
import { family, type Identity, identify, signal } from './process-identity.ts'
import { say } from './say.ts'
import { type ServerName, titles } from './server-names.ts'

/** A server that one test has to itself: nobody else is disturbed when it is killed. */
export interface OwnServer {
  /** The same for its whole life, over kills and starts. */
  readonly url: string
  /** All its ports, by name; `main` is the one of `url`. */
  readonly ports: Readonly<Record<string, number>>
  /** SIGKILL. Returns when it is gone. Data stay. */
  kill(): Promise<void>
  /** Asks it to end, as an operator would. Returns when it is gone. Data stay. */
  shutdown(): Promise<void>
  /** After `kill` or `shutdown`: same port, same data. Returns when clients are served. */
  start(): Promise<void>
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Kills it and removes its data. Safe to call twice; a test process that ends without it has it done. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Whether this kind of server can be started here, installing it if need be; otherwise why not. */
export async function ownRefusal(name: ServerName): Promise<string | undefined> {
  const obtained = await obtain(name, say)
  return 'missing' in obtained ? obtained.missing : undefined
}

/** Starts a fresh server with settings in its own words, added to ours; throws where it cannot be had. */
export async function startOwn(name: ServerName, settings: Settings = {}): Promise<OwnServer> {
  const obtained = await obtain(name, say)
  if ('missing' in obtained) throw new Error(`${titles[name]}: ${obtained.missing}`)
  const instance = await makeInstance(name, obtained.from, { settings })
  // The process that runs the test, not the whole run: it is the one that can still use it.
  instance.users = [identify(process.pid) as Identity]
  writeInstance(instance)
  const launcher = launcherOf(instance)
  let stopped: Promise<void> | undefined
  const abandon = (): void => abandonAtExit(instance)
  process.once('exit', abandon)
  const stop = (): Promise<void> => {
    process.off('exit', abandon)
    stopped ??= removeInstance(instance)
    return stopped
  }
  try {
    await startInstance(instance)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url: kinds[name].url(instance.ports),
    ports: instance.ports,
    kill: () => launcher.kill(instance),
    shutdown: () => launcher.shutdown(kinds[name], instance),
    start: () => startInstance(instance),
    pause: () => launcher.pause(instance),
    resume: () => launcher.resume(instance),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Nothing can be waited for any more: its processes are killed, its files are removed by whoever sweeps next. */
function abandonAtExit({ processes }: Instance): void {
  for (const one of Object.values(processes)) for (const member of family(one)) signal(member, 'SIGKILL')
}
