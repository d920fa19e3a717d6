import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** A program of the reference platform that runs as a process of its own, for tests that end or kill it. */
export interface PlatformProcess {
  readonly address: string
  /** The lines it greeted with. */
  readonly greeting: readonly string[]
  /** What it wrote to standard error so far. */
  readonly complaints: () => string
  /** Sends a signal and waits for the end; answers the exit code, or the signal where there is none. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | NodeJS.Signals>
}

const programs = {
  /** All services in one process. */
  platform: join(import.meta.dirname, 'main.ts'),
  /** Each service in a process of its own. */
  split: join(import.meta.dirname, 'main.ts'),
  auth: service('auth'),
  users: service('users'),
  notifications: service('notifications'),
  commerce: service('commerce'),
  audit: service('audit'),
} as const

function service(name: string): string {
  return join(import.meta.dirname, '../../services', name, 'main.ts')
}

/** How many lines each program greets with. */
const greetingLines = { platform: 3, split: 7, auth: 1, users: 1, notifications: 1, commerce: 1, audit: 1 } as const
const startsWithin = 60_000

/** Starts a program in a folder, at a port that is free. Rejects with what it complains of when it ends instead. */
export async function startProgram(
  name: keyof typeof programs,
  folder: string,
  env: Readonly<Record<string, string>> = {},
): Promise<PlatformProcess> {
  const child = spawnProgram(programs[name], folder, env, name === 'split' ? ['--split'] : [])
  const complaints = gather(child)
  const greeting: string[] = []
  const ended = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), startsWithin)
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    greeting.push(line)
    if (greeting.length === greetingLines[name]) break
  }
  clearTimeout(timer)
  const address = /at (http:\/\/[\d.]+:\d+)/.exec(greeting[0] ?? '')?.[1]
  if (address === undefined) {
    await ended
    throw new Error(`The program ${name} did not start: ${complaints()}`)
  }
  return {
    address,
    greeting,
    complaints,
    async end(signal) {
      child.kill(signal)
      const [code, by] = (await ended) as [number | null, NodeJS.Signals | null]
      return code ?? (by as NodeJS.Signals)
    },
  }
}

/** Starts a platform that is expected not to; answers how it ended. */
export async function failToStart(
  folder: string,
  env: Readonly<Record<string, string>>,
  name: 'platform' | 'split' = 'platform',
): Promise<{ readonly code: number | null; readonly complaints: string }> {
  const child = spawnProgram(programs[name], folder, env, name === 'split' ? ['--split'] : [])
  const complaints = gather(child)
  const timer = setTimeout(() => child.kill('SIGKILL'), startsWithin)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(timer)
  return { code, complaints: complaints() }
}

/**
 * Starts the services apart, and sends their platform a signal once `begun` resolves, which is before all have started. Resolves with how it ended when
 * nobody is left who could write to its error output, which the services share.
 */
export async function endWhileStarting(
  folder: string,
  env: Readonly<Record<string, string>>,
  signal: 'SIGTERM' | 'SIGINT',
  begun: Promise<unknown>,
): Promise<{ readonly how: number | NodeJS.Signals; readonly said: string }> {
  const child = spawnProgram(programs.split, folder, env, ['--split'])
  const complaints = gather(child)
  let greeting = ''
  child.stdout?.setEncoding('utf8').on('data', (more: string) => (greeting += more))
  const closed = once(child, 'close')
  const timer = setTimeout(() => child.kill('SIGKILL'), startsWithin)
  await Promise.race([begun, closed])
  child.kill(signal)
  const [code, by] = (await closed) as [number | null, NodeJS.Signals | null]
  clearTimeout(timer)
  return { how: code ?? (by as NodeJS.Signals), said: greeting + complaints() }
}

function spawnProgram(
  program: string,
  folder: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): ChildProcess {
  const { PATH = '' } = process.env
  return spawn(process.execPath, ['--conditions=source', program, ...args], {
    cwd: folder,
    env: { PATH, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

function gather(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (more: string) => (text += more))
  return () => text
}
