import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from '@tidings/sqlite'
import { createEventBus, type ErrorCode, type EventBus, type EventBusOptions, isTidingsError } from 'tidings'
import { checksumOf, type EventRecord, realRuntime, type Store, silentLog, silentMeter } from 'tidings/spi'
import { expect, onTestFinished } from 'vitest'

/** Stands in payloads. Nothing that Tidings says may repeat it. */
export const secret = 'swordfish-4711'

/** Is told what must be ended, and ends it in time. */
export type Finish = (end: () => unknown) => void

const withTest: Finish = (end) => onTestFinished(async () => void (await end()))

/** Where several tests share a world: gathers what must be ended; call `end` after the last of them. */
export function shared(): { readonly finish: Finish; readonly end: () => Promise<void> } {
  const ends: (() => unknown)[] = []
  return {
    finish: (end) => void ends.push(end),
    async end() {
      for (const one of ends.toReversed()) await one()
    },
  }
}

/** A folder that is gone after the test. */
export function folder(finish = withTest): string {
  const path = mkdtempSync(join(tmpdir(), 'tidings-bad-'))
  finish(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export function file(finish?: Finish): string {
  return join(folder(finish), 'tidings.db')
}

export interface World {
  readonly bus: EventBus
  readonly file: string
  /** All that was logged, as one text. */
  readonly logged: () => string
}

/** A bus on an SQLite file of its own, with a quick clock for retries and take-overs; closed after the test. */
export async function open(
  options: Partial<EventBusOptions> & { readonly path?: string; readonly finish?: Finish } = {},
): Promise<World> {
  const { finish = withTest, path = file(finish), ...rest } = options
  const lines: string[] = []
  const bus = await createEventBus({
    ...(rest.url === undefined && rest.store === undefined ? { store: sqlite(path) } : {}),
    source: '/bad',
    transport: { lease: '300ms' },
    log: (level, message, fields) =>
      void lines.push(`${level} ${message} ${String(fields && JSON.stringify(fields, shown))}`),
    ...rest,
  })
  finish(() => bus.close())
  return { bus, file: path, logged: () => lines.join('\n') }
}

function shown(_: string, value: unknown): unknown {
  return value instanceof Error ? `${value.name}: ${value.message}` : value
}

/** The store alone, as a foreign writer has it. */
export async function openStore(path: string, finish = withTest): Promise<Store> {
  const store = await sqlite(path).open({ runtime: realRuntime(), log: silentLog, meter: silentMeter })
  finish(() => store.close())
  return store
}

let made = 0

/** A record as somebody else may have written it: sound, unless `parts` make it otherwise. */
export function record(parts: Partial<EventRecord> = {}): EventRecord {
  const id = parts.id ?? `foreign-${++made}`
  const one = {
    id,
    source: '/foreign',
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
    data: '{"id":"o-1"}',
    encoding: '',
    ...parts,
  }
  return { checksum: checksumOf(one), seal: '', ...one, ...parts }
}

/** The failure is Tidings' own, tells its field where one is to blame, and repeats nothing of the payload. */
export function expectCoded(error: unknown, code: ErrorCode, field?: string): void {
  expect(isTidingsError(error) ? error.code : error).toBe(code)
  if (!isTidingsError(error)) return
  if (field !== undefined) expect(error.details.field).toBe(field)
  if (field !== undefined) expect(error.message).toContain(field)
  expect(`${error.message} ${JSON.stringify(error.details)}`).not.toContain(secret)
}

/** What a call rejects with or throws; undefined where it succeeds. */
export async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call()
    return undefined
  } catch (error) {
    return error
  }
}

export async function countOf(bus: EventBus): Promise<number> {
  let count = 0
  for await (const _ of bus.store.readAll()) count++
  return count
}
