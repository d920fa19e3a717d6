import { createClient } from '@redis/client'
import {
  checksumOf,
  type EventRecord,
  type Host,
  type Log,
  type Runtime,
  realRuntime,
  type Store,
  silentLog,
  silentMeter,
} from 'tidings/spi'

import { serverUrl, without } from '../../../tools/servers/index.ts'
import { type RedisOptions, type RedisStore, redis } from '../src/index.ts'

/** Where the server of the tests is; undefined: there is none. */
export const url: string | undefined = await serverUrl('redis')

/** For `describe`. */
export const needsRedis: ReturnType<typeof without> = without('redis')

type Client = ReturnType<typeof createClient>

export function hostOf(runtime: Runtime = realRuntime(), log: Log = silentLog): Host {
  return { runtime, log, meter: silentMeter }
}

const run = Math.random().toString(36).slice(2, 10)
let places = 0

/** A prefix that is nobody else's. */
export function prefixOf(place: string): string {
  return `test:${run}:${place}`
}

const ends: (() => Promise<unknown>)[] = []

/** For `afterEach`: closes the stores and removes the keys of a test, the last first. */
export async function cleanUp(): Promise<void> {
  for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end()
}

export function atEnd(end: () => Promise<unknown>): void {
  ends.push(end)
}

/** A prefix for one test, whose keys are gone after it. */
export function freshPrefix(at = url): string {
  const prefix = prefixOf(`own-${++places}`)
  if (at === url) ends.push(() => removeKeys(`{${prefix}}*`))
  return prefix
}

export interface OpenOptions extends RedisOptions {
  /** Another server than that of all tests. */
  readonly url?: string
  readonly runtime?: Runtime
  readonly log?: Log
}

/** A store that is closed after the test. */
export async function open({ url: at = url, runtime, log, ...options }: OpenOptions = {}): Promise<RedisStore> {
  const prefix = options.prefix ?? freshPrefix(at)
  const store = await redis(at as string, { ...options, prefix }).open(hostOf(runtime, log))
  ends.push(() => store.close())
  return store
}

/** Removes every key that matches. */
export function removeKeys(pattern: string): Promise<void> {
  return withClient(async (client) => {
    for await (const keys of client.scanIterator({ MATCH: pattern, COUNT: 1_000 })) {
      if (keys.length > 0) await client.unlink(keys)
    }
  })
}

/** A bare client, for looking at what was written. */
export async function withClient<T>(use: (client: Client) => Promise<T>, at = url): Promise<T> {
  const client = createClient({ url: at as string })
  client.on('error', () => {})
  await client.connect()
  try {
    return await use(client as Client)
  } finally {
    client.destroy()
  }
}

const ids = realRuntime()

export function record(parts: Partial<EventRecord> = {}): EventRecord {
  const id = parts.id ?? ids.id()
  const whole: EventRecord = {
    id,
    source: '/tests',
    type: 'order.placed',
    version: '1.0.0',
    category: 'order',
    key: 'o-1',
    tenant: '',
    time: 1_767_225_600_000,
    priority: 2,
    correlation: id,
    causation: '',
    context: '',
    data: '{"total":1}',
    encoding: '',
    checksum: '',
    seal: '',
    ...parts,
  }
  return { ...whole, checksum: parts.checksum ?? checksumOf(whole) }
}

/** Appends, and expects to have committed. Answers the positions. */
export async function append(store: Store, ...appended: EventRecord[]): Promise<readonly number[]> {
  const [result] = await store.commit([{ append: appended }])
  if (result?.status !== 'committed') throw new Error(`Expected to commit, got ${result?.status}.`)
  return result.events.map(({ position }) => position)
}

/** All events of a store, by the log. */
export async function allIds(store: Store): Promise<string[]> {
  const seen: string[] = []
  for (let after = 0; ; ) {
    const page = await store.readAll({ after, limit: 500 })
    seen.push(...page.events.map((event) => event.record.id))
    if (page.through === after) return seen
    after = page.through
  }
}
