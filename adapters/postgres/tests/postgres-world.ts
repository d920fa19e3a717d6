import pg from 'pg'
import {
  type CommitResult,
  type EventRecord,
  type Host,
  type Log,
  type Placed,
  type Runtime,
  realRuntime,
  type SqlValue,
  type Statement,
  type Store,
  silentLog,
  silentMeter,
  type Unit,
} from 'tidings/spi'

import { serverUrl } from '../../../tools/servers/index.ts'
import { type PostgresOptions, type PostgresStore, postgres } from '../src/index.ts'

/** Where the server of the tests is; undefined: there is none. */
export const url: string | undefined = await serverUrl('postgres')

const run = Math.random().toString(36).slice(2, 8)
let schemas = 0
const ends: (() => Promise<unknown> | void)[] = []

/** For `afterEach`: closes the stores and drops the schemas of a test, the last first. */
export async function cleanUp(): Promise<void> {
  for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end()
}

/** Something to be done after the test, before what was begun earlier. */
export function atEnd(end: () => Promise<unknown> | void): void {
  ends.push(end)
}

/** A schema that is nobody else's. */
export function schemaOf(place: string): string {
  return `test_${run}_${place}`
}

export async function dropSchema(schema: string, server: string = url as string): Promise<void> {
  await withClient((client) => client.query(`drop schema if exists "${schema}" cascade`), server)
}

/** A schema that is gone after the test. */
export function newSchema(server?: string): string {
  const schema = schemaOf(String(++schemas))
  atEnd(() => dropSchema(schema, server))
  return schema
}

/** The URL of a schema, in which tables of users lie, too. */
export function urlOf(schema: string, server: string = url as string): string {
  return `${server}?schema=${schema}&options=${encodeURIComponent(`-c search_path=${schema}`)}`
}

export function hostOf(runtime: Runtime = realRuntime(), log: Log = silentLog): Host {
  return { runtime, log, meter: silentMeter }
}

/** A store that is closed after the test. */
export async function open(
  schema: string = newSchema(),
  { runtime, log, server, ...options }: PostgresOptions & { runtime?: Runtime; log?: Log; server?: string } = {},
): Promise<PostgresStore> {
  const store = await postgres(urlOf(schema, server), options).open(hostOf(runtime, log))
  atEnd(() => store.close())
  return store
}

/** A bare client, as other programs of the database have. */
export async function withClient<T>(
  use: (client: pg.Client) => Promise<T>,
  server: string = url as string,
): Promise<T> {
  const client = await bareClient(server)
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

export async function bareClient(server: string = url as string): Promise<pg.Client> {
  const client = new pg.Client(server)
  client.on('error', () => {})
  await client.connect()
  return client
}

export async function commitOne(store: Store, unit: Unit): Promise<CommitResult> {
  const result = (await store.commit([unit])).at(0)
  if (result === undefined) throw new Error('Expected an answer for the unit.')
  return result
}

/** Appends, and expects to have committed. */
export async function append(store: Store, ...appended: EventRecord[]): Promise<readonly Placed[]> {
  const result = await commitOne(store, { append: appended })
  if (result.status !== 'committed') throw new Error(`Expected to commit, got ${result.status}.`)
  return result.events
}

/** Ids of the log, in order, as a reader that trusts `through` sees them. */
export async function logIds(store: Store): Promise<string[]> {
  const found: string[] = []
  for (let after = 0; ; ) {
    const page = await store.readAll({ after, limit: 500 })
    found.push(...page.events.map((event) => event.record.id))
    if (page.through === after) return found
    after = page.through
  }
}

export function statement(text: readonly string[], ...values: readonly SqlValue[]): Statement {
  return { text, values }
}
