import { describe, expect, it } from 'vitest'

import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { Store, StoredEvent } from '../store/store.ts'
import type { ImportLine, ImportProgress } from './import-events.ts'
import { type Operations, operationsOn } from './operations.ts'

const runtime = virtualRuntime({ seed: 11 })

function cloudEvent(id: string, more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    specversion: '1.0',
    id,
    source: '/shop',
    type: 'order.placed',
    subject: 'o-1',
    time: '2026-03-01T10:00:00Z',
    data: { total: 1 },
    ...more,
  })
}

async function* lines(...texts: (string | undefined)[]): AsyncGenerator<ImportLine> {
  for (const [at, text] of texts.entries())
    yield { number: at + 1, bytes: text === undefined ? undefined : Buffer.from(text) }
}

async function load(
  operations: Operations,
  ...texts: (string | undefined)[]
): Promise<ImportProgress & { readonly all: ImportProgress['refusals'] }> {
  let progress: ImportProgress | undefined
  const all: ImportProgress['refusals'][number][] = []
  for await (const step of operations.events.import(lines(...texts), { batch: 3 })) {
    progress = step
    all.push(...step.refusals)
  }
  return { ...(progress as ImportProgress), all }
}

async function types(store: Store, query: Parameters<Operations['events']['search']>[0] = {}): Promise<string[]> {
  const found: string[] = []
  for await (const { record } of operationsOn(store, { runtime }).events.search(query))
    found.push(`${record.type} ${record.id}`)
  return found
}

describe('an import of CloudEvents', () => {
  it('stores types that nobody defined, in order', async () => {
    const store = memoryStore()
    const result = await load(
      operationsOn(store, { runtime }),
      cloudEvent('1'),
      cloudEvent('2', { type: 'Com.Example/thing!' }),
      cloudEvent('3'),
      cloudEvent('4'),
    )
    expect(result).toMatchObject({ lines: 4, stored: 4, duplicates: 0, refused: 0 })
    expect(await types(store)).toEqual(['order.placed 1', 'Com.Example/thing! 2', 'order.placed 3', 'order.placed 4'])
  })

  it('refuses each bad line by its number, field and rule, and keeps the good ones around it', async () => {
    const store = memoryStore()
    const result = await load(
      operationsOn(store, { runtime }),
      cloudEvent('1'),
      '{"specversion":"1.0", secret',
      cloudEvent('2', { id: '' }),
      cloudEvent('3', { time: 'yesterday' }),
      undefined,
      cloudEvent('4', { checksum: 'A'.repeat(43) }),
      '"text"',
      cloudEvent('5'),
    )
    expect(result).toMatchObject({ lines: 8, stored: 2, refused: 6 })
    expect(result.all.map(({ line, code, field }) => [line, code, field])).toEqual([
      [2, 'TIDINGS_UNDECODABLE', 'event'],
      [3, 'TIDINGS_INVALID_EVENT', 'id'],
      [4, 'TIDINGS_INVALID_EVENT', 'time'],
      [5, 'TIDINGS_TOO_LARGE', ''],
      [6, 'TIDINGS_CHECKSUM_MISMATCH', ''],
      [7, 'TIDINGS_INVALID_EVENT', 'event'],
    ])
    expect(JSON.stringify(result.all)).not.toContain('secret')
    expect(await types(store)).toEqual(['order.placed 1', 'order.placed 5'])
  })

  it('stores nothing twice, within a file or over files, and says so', async () => {
    const store = memoryStore()
    const operations = operationsOn(store, { runtime })
    expect(await load(operations, cloudEvent('1'), cloudEvent('1'), cloudEvent('2'), cloudEvent('2'))).toMatchObject({
      stored: 2,
      duplicates: 2,
    })
    expect(await load(operations, cloudEvent('1'), cloudEvent('2'), cloudEvent('3'))).toMatchObject({
      stored: 1,
      duplicates: 2,
      refused: 0,
    })
    expect(await types(store)).toHaveLength(3)
  })

  it('takes an event without a time for the same when it comes again later', async () => {
    const operations = operationsOn(memoryStore(), { runtime })
    await load(operations, cloudEvent('1', { time: undefined }))
    await runtime.advance(5_000)
    expect(await load(operations, cloudEvent('1', { time: undefined }))).toMatchObject({ stored: 0, duplicates: 1 })
  })

  it('refuses an id that belongs to another event', async () => {
    const operations = operationsOn(memoryStore(), { runtime })
    await load(operations, cloudEvent('1'))
    const result = await load(
      operations,
      cloudEvent('1', { data: { total: 2 } }),
      cloudEvent('1', { source: '/other' }),
    )
    expect(result).toMatchObject({
      stored: 1,
      duplicates: 0,
      refused: 1,
      all: [{ line: 1, code: 'TIDINGS_DUPLICATE_ID', field: 'id' }],
    })
  })

  it('refuses data above the limit', async () => {
    const operations = operationsOn(memoryStore(), { runtime })
    const big = cloudEvent('1', { data: { text: 'x'.repeat(1_048_577) } })
    expect((await load(operations, big, cloudEvent('2'))).all).toMatchObject([
      { line: 1, code: 'TIDINGS_TOO_LARGE', field: 'data' },
    ])
  })

  it('goes on when the store was away for a moment, and does not call its own events duplicates', async () => {
    const inner = memoryStore()
    let failing = 2
    const store: Store = {
      ...inner,
      async commit(units) {
        if (failing-- === 1) await inner.commit(units)
        if (failing >= 0)
          throw Object.assign(new Error('gone'), {
            code: failing === 0 ? 'TIDINGS_COMMIT_UNKNOWN' : 'TIDINGS_STORE_UNAVAILABLE',
            '~tidings': true,
            details: {},
          })
        return inner.commit(units)
      },
    }
    const loading = load(operationsOn(store, { runtime }), cloudEvent('1'))
    await runtime.advance(10_000)
    expect(await loading).toMatchObject({ stored: 1, duplicates: 0 })
  })
})

describe('a search of the log', () => {
  it('filters by every attribute and in bounded pages', async () => {
    const store = memoryStore()
    const many = Array.from({ length: 1_200 }, (_, at) =>
      cloudEvent(String(at), {
        type: at % 3 === 0 ? 'stock.moved' : 'order.placed',
        subject: `k-${at % 2}`,
        tenantid: at % 5 === 0 ? 'acme' : 'beta',
        correlationid: `c-${at % 7}`,
      }),
    )
    await load(operationsOn(store, { runtime }), ...many)
    expect(await types(store)).toHaveLength(1_200)
    expect(await types(store, { limit: 7 })).toHaveLength(7)
    expect(await types(store, { types: ['stock.*'] })).toHaveLength(400)
    expect(await types(store, { types: ['stock.moved', 'none'] })).toHaveLength(400)
    expect(await types(store, { category: 'stock' })).toHaveLength(400)
    expect(await types(store, { key: 'k-1' })).toHaveLength(600)
    expect(await types(store, { tenant: 'acme' })).toHaveLength(240)
    expect(await types(store, { correlation: 'c-3', limit: 1_000 })).toHaveLength(Math.ceil((1_200 - 3) / 7))
    expect(await types(store, { id: '17' })).toEqual(['order.placed 17'])
    expect(await types(store, { after: 1_195 })).toHaveLength(5)
    expect(await types(store, { since: Date.parse('2026-03-01T10:00:01Z') })).toEqual([])
    expect(await types(store, { until: Date.parse('2026-03-01T10:00:01Z') })).toHaveLength(1_200)
    await expect(types(store, { types: ['order.**.placed'] })).rejects.toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
    await expect(types(store, { since: Number.NaN })).rejects.toMatchObject({
      code: 'TIDINGS_INVALID_OPTION',
      details: { field: 'since' },
    })
  })
})

describe('following the log', () => {
  it('shows each event once, from the end of the log or since a time, until it is stopped', async () => {
    const store = memoryStore()
    const operations = operationsOn(store, { runtime })
    await load(operations, cloudEvent('old', { time: '2026-01-01T00:00:00Z' }), cloudEvent('recent'))
    const stop = new AbortController()
    const follow = async (options: object): Promise<string[]> => {
      const seen: string[] = []
      for await (const { record } of operations.events.follow({ ...options, signal: stop.signal })) seen.push(record.id)
      return seen
    }
    const live = follow({})
    const past = follow({ since: Date.parse('2026-02-01T00:00:00Z') })
    const placed = follow({ types: ['stock.*'], after: 0 })
    await runtime.advance(10)
    // An event of an old time that comes now is live all the same.
    for (let at = 0; at < 700; at++) await load(operations, cloudEvent(`n-${at}`, { time: '2026-01-01T00:00:00Z' }))
    await load(operations, cloudEvent('s', { type: 'stock.moved' }))
    await runtime.advance(1_000)
    stop.abort()
    await runtime.advance(1_000)
    const fresh = [...Array.from({ length: 700 }, (_, at) => `n-${at}`), 's']
    expect(await live).toEqual(fresh)
    expect(await past).toEqual(['recent', ...fresh])
    expect(await placed).toEqual(['s'])
  })

  it('looks by itself where the store gives no hints', async () => {
    const store: Store = { ...memoryStore(), watch: () => () => {} }
    const operations = operationsOn(store, { runtime })
    const stop = new AbortController()
    const seen: StoredEvent[] = []
    const following = (async () => {
      for await (const stored of operations.events.follow({ signal: stop.signal })) seen.push(stored)
    })()
    await runtime.advance(10)
    await load(operations, cloudEvent('1'))
    await runtime.advance(1_000)
    expect(seen.map(({ record }) => record.id)).toEqual(['1'])
    stop.abort()
    await following
  })
})
