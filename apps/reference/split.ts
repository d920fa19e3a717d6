import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { configFrom, TidingsError } from 'tidings'

import { openMailSink } from './mail-sink.ts'
import type { PlatformConfig } from './platform.ts'

/** The services that run apart, each a process with a store of its own. */
export const splitServices = ['auth', 'users', 'notifications', 'commerce', 'audit'] as const

export type SplitService = (typeof splitServices)[number]

export interface SplitPlatform {
  /** Where each service answers. */
  readonly addresses: Readonly<Record<SplitService, string>>
  /** Ends all of them, orderly. Resolves with what this process should exit with. Idempotent. */
  readonly close: () => Promise<number>
  /** Resolves when all have ended, whoever ended them: with 0 where that was asked for, else with 1. */
  readonly ended: Promise<number>
}

/** How long a service may take to start, and to drain, in milliseconds. */
const startsWithin = 60_000
const endsWithin = 15_000

/**
 * Runs each service as a process of its own, joined by the broker that the environment names, and a mail sink unless a mail server is named.
 * Rejects where one of them does not start, and with the reason of `signal` where that aborts before all have started; then none is left. Once it has
 * resolved, `signal` means `close`.
 */
export async function runSplit(
  config: PlatformConfig,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<SplitPlatform> {
  if (configFrom({ ...env, TIDINGS_STORE_URL: storeOf('auth', env) }).transportUrl === undefined) {
    throw new TidingsError(
      'TIDINGS_NOT_SUPPORTED',
      'Services that run apart need a broker: set EVENT_BUS_TYPE to kafka, rabbitmq, nats, redis or redis-pubsub, or TIDINGS_URL to one.',
      { details: { field: 'TIDINGS_URL' } },
    )
  }
  const sink = config.SMTP_URL === undefined ? await openMailSink() : undefined
  if (signal.aborted) {
    await sink?.close()
    throw signal.reason
  }
  const children = new Map<SplitService, ChildProcess>()
  let closing: Promise<number> | undefined

  const close = (): Promise<number> => {
    closing ??= endAll([...children.values()]).then(async (code) => {
      await sink?.close()
      return code
    })
    return closing
  }

  // They hear nothing of what a terminal says to this process.
  signal.addEventListener('abort', () => void close(), { once: true })
  try {
    const started = await Promise.all(
      splitServices.map(async (name, at): Promise<readonly [SplitService, string]> => {
        const child = start(name, {
          ...env,
          TIDINGS_STORE_URL: storeOf(name, env),
          TIDINGS_GROUP: groupOf(name, env),
          KAFKA_CONSUMER_GROUP: undefined,
          PORT: String(config.PORT === 0 ? 0 : config.PORT + at),
          SMTP_URL: config.SMTP_URL ?? sink?.url,
        })
        children.set(name, child)
        return [name, await addressOf(name, child)]
      }),
    )
    signal.throwIfAborted()
    // One that ends by itself takes the others along: a platform with a hole in it looks like one that works.
    const first = Promise.race([...children].map(([name, child]) => exitOf(child).then(() => name)))
    const ended = first.then(async (name) => {
      const asked = closing !== undefined
      if (!asked) process.stderr.write(`The service ${name} has ended, so the others end, too.\n`)
      const code = await close()
      return asked ? code : 1
    })
    return { addresses: Object.fromEntries(started) as SplitPlatform['addresses'], close, ended }
  } catch (error) {
    await close()
    // Whoever was ended has not failed to start.
    throw signal.aborted ? signal.reason : error
  }
}

/** `{service}` in the address stands for the name of each. */
function storeOf(
  name: SplitService,
  { TIDINGS_STORE_URL: given }: Readonly<Record<string, string | undefined>>,
): string {
  if (given === undefined || given === '') return `sqlite:./${name}.db`
  if (given.includes('{service}')) return given.replaceAll('{service}', name)
  throw new TidingsError(
    'TIDINGS_INVALID_OPTION',
    'Expected TIDINGS_STORE_URL to hold {service}, such as sqlite:./{service}.db: services that run apart share no store.',
    { details: { field: 'TIDINGS_STORE_URL' } },
  )
}

/** Members of one group share what comes, so each service needs one of its own; one that is named begins them all. */
function groupOf(name: SplitService, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const given = env['TIDINGS_GROUP'] || env['KAFKA_CONSUMER_GROUP']
  return given ? `${given}-${name}` : undefined
}

function start(name: SplitService, env: Readonly<Record<string, string | undefined>>): ChildProcess {
  const program = join(import.meta.dirname, '../../services', name, 'main.ts')
  return spawn(process.execPath, ['--conditions=source', program], {
    env: Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined)),
    stdio: ['ignore', 'pipe', 'inherit'],
    // A terminal interrupts all processes of a group; these are to be told once, or they would not drain.
    detached: true,
  })
}

/** What a service greets with once it answers. */
async function addressOf(name: SplitService, child: ChildProcess): Promise<string> {
  const timer = setTimeout(() => child.kill('SIGKILL'), startsWithin)
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  try {
    for await (const line of lines) {
      const address = /at (https?:\/\/[^/\s]+)/.exec(line)?.[1]
      if (address === undefined) continue
      child.stdout?.resume()
      return address
    }
  } finally {
    clearTimeout(timer)
  }
  throw new TidingsError('TIDINGS_CLOSED', `The service ${name} has not started; what it says stands above.`, {
    details: { name },
  })
}

async function endAll(children: readonly ChildProcess[]): Promise<number> {
  const timer = setTimeout(() => {
    for (const child of children) if (child.exitCode === null) child.kill('SIGKILL')
  }, endsWithin)
  const codes = await Promise.all(
    children.map((child) => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      return exitOf(child)
    }),
  )
  clearTimeout(timer)
  return codes.every((code) => code === 0) ? 0 : 1
}

/** The exit code; undefined where a signal ended it. */
async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}
