import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  type CommitResult,
  checksumOf,
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
  virtualRuntime,
} from 'tidings/spi'

import { sqlite } from '../src/index.ts'
import type { SqliteOptions } from '../src/sqlite-options.ts'
import type { SqliteStore } from '../src/sqlite-store.ts'

const ends: (() => Promise<void> | void)[] = []

/** For `afterEach`: closes the stores and removes the folders of a test, the last first. */
export async function cleanUp(): Promise<void> {
  for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end()
}

/** A folder that is gone after the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tidings-sqlite-'))
  ends.push(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export function file(name = 'events.db'): string {
  return join(folder(), name)
}

export function hostOf(runtime: Runtime = realRuntime(), log: Log = silentLog): Host {
  return { runtime, log, meter: silentMeter }
}

/** A store that is closed after the test. */
export async function open(path: string, options: SqliteOptions & { runtime?: Runtime } = {}): Promise<SqliteStore> {
  const { runtime, ...rest } = options
  const store = await sqlite(path, rest).open(hostOf(runtime))
  ends.push(() => store.close())
  return store
}

const ids = virtualRuntime({ seed: 7 })

export function record(parts: Partial<EventRecord> = {}): EventRecord {
  const id = parts.id ?? ids.id()
  const one = {
    id,
    source: '/test',
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
    ...parts,
  }
  return { checksum: checksumOf(one), seal: '', ...one }
}

export function records(count: number, parts: (at: number) => Partial<EventRecord> = () => ({})): EventRecord[] {
  return Array.from({ length: count }, (_, at) => record(parts(at)))
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

export function statement(text: readonly string[], ...values: readonly SqlValue[]): Statement {
  return { text, values }
}

/** SQL without values. */
export function plainSql(text: string): Statement {
  return { text: [text], values: [] }
}
