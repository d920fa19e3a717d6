import { DatabaseSync } from 'node:sqlite'
import { pipeline } from 'node:stream/promises'
import { createGzip, createZstdCompress, gzipSync } from 'node:zlib'
import {
  type AnyEventDefinition,
  defineEvent,
  type ErrorCode,
  type Event,
  type EventBus,
  operationsOf,
  type ParkedEntry,
} from 'tidings'
import type { EventRecord } from 'tidings/spi'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'

import { type Finish, file, open, openStore, record, secret, shared, type World } from './world.ts'

const Placed = defineEvent('order.placed', { version: '1.2.0', schema: z.looseObject({ id: z.string() }) })

const deep = '['.repeat(100_000) + ']'.repeat(100_000)
const data = (text: string | Uint8Array, encoding = ''): Partial<EventRecord> => ({ data: text, encoding })
const json = (value: unknown): string => JSON.stringify(value)

interface Row {
  readonly name: string
  readonly code: ErrorCode
  readonly bad: Partial<EventRecord> | (() => Promise<Partial<EventRecord>>)
}

const undecodable: ErrorCode = 'TIDINGS_UNDECODABLE'

const rows: readonly Row[] = [
  { name: 'another checksum', code: 'TIDINGS_CHECKSUM_MISMATCH', bad: { checksum: 'A'.repeat(43) } },
  { name: 'no checksum', code: 'TIDINGS_CHECKSUM_MISMATCH', bad: { checksum: '' } },
  { name: 'bytes that are no UTF-8', code: undecodable, bad: data(Uint8Array.of(0x22, 0xff, 0xfe, 0x22)) },
  { name: 'half a character', code: undecodable, bad: data(json({ id: 'x', text: '\ud800' })) },
  { name: 'text that is no JSON', code: undecodable, bad: data(`{"id":"${secret}",`) },
  { name: 'JSON 100,000 levels deep', code: undecodable, bad: data(deep) },
  {
    name: 'objects 100,000 levels deep',
    code: undecodable,
    bad: data('{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)),
  },
  { name: 'a __proto__ member', code: undecodable, bad: data(`{"id":"x","__proto__":{"admin":"${secret}"}}`) },
  { name: 'a number that fits nowhere', code: undecodable, bad: data('{"id":"x","n":1e999}') },
  { name: 'too many members', code: undecodable, bad: data(`[${'0,'.repeat(1_000_000)}0]`) },
  { name: '20 MB of data', code: undecodable, bad: data(json({ id: 'x', text: secret.repeat(1_500_000) })) },
  { name: 'an encoding that does not exist', code: undecodable, bad: data(gzipSync('{}'), 'br') },
  { name: 'gzip that is none', code: undecodable, bad: data(Buffer.from(secret), 'gzip') },
  {
    name: 'gzip that ends early',
    code: undecodable,
    bad: data(gzipSync(json({ id: secret })).subarray(0, 15), 'gzip'),
  },
  { name: 'zstd that is none', code: undecodable, bad: data(Buffer.from(secret), 'zstd') },
  { name: 'gzip of 200 MB', code: undecodable, bad: async () => data(await bomb(createGzip()), 'gzip') },
  { name: 'zstd of 200 MB', code: undecodable, bad: async () => data(await bomb(createZstdCompress()), 'zstd') },
  { name: 'a context that is no JSON', code: undecodable, bad: { context: secret } },
  { name: 'a context that is a list', code: undecodable, bad: { context: json([secret]) } },
  { name: 'a context with a user that is no text', code: undecodable, bad: { context: json({ userId: { secret } }) } },
  { name: 'a context with a __proto__ member', code: undecodable, bad: { context: '{"business":{"__proto__":"x"}}' } },
  { name: 'a context 100,000 levels deep', code: undecodable, bad: { context: `{"business":${deep}}` } },
  { name: 'data that breaks the schema', code: 'TIDINGS_INVALID_DATA', bad: data(json({ id: 5, secret })) },
]

/** 200 MB of nothing, compressed without ever holding it. */
async function bomb(
  compressor: ReturnType<typeof createGzip> | ReturnType<typeof createZstdCompress>,
): Promise<Buffer> {
  const parts: Buffer[] = []
  const block = Buffer.alloc(1_048_576, 0x20)
  await pipeline(
    function* () {
      for (let at = 0; at < 200; at++) yield block
    },
    compressor,
    async (packed: AsyncIterable<Buffer>) => {
      for await (const part of packed) parts.push(part)
    },
  )
  return Buffer.concat(parts)
}

interface Heard {
  readonly bus: EventBus
  readonly world: World
  /** `key version-in-stream` of what was handled, in order. */
  readonly keys: string[]
}

async function hearing(path: string, definition: AnyEventDefinition = Placed, finish?: Finish): Promise<Heard> {
  const world = await open({ path, ...(finish === undefined ? {} : { finish }) })
  const keys: string[] = []
  world.bus.subscribe(
    definition,
    { name: 'all', from: 'beginning', retry: { tries: 1 } },
    (event: Event<unknown>) => void keys.push(`${event.key}/${event.id}`),
  )
  await world.bus.start()
  return { bus: world.bus, world, keys }
}

async function append(path: string, ...records: readonly EventRecord[]): Promise<void> {
  const store = await openStore(path, () => {})
  const [result] = await store.commit([{ append: records }])
  expect(result?.status).toBe('committed')
  await store.close()
}

describe('a stored event that cannot be read', () => {
  const { finish, end } = shared()
  const path = file(finish)
  let heard: Heard
  let entries: readonly ParkedEntry[]

  beforeAll(async () => {
    const bad = await Promise.all(rows.map(async (row) => (typeof row.bad === 'function' ? row.bad() : row.bad)))
    await append(
      path,
      record({ id: 'before', key: 'a' }),
      ...bad.map((parts, at) => record({ id: `bad-${at}`, key: `b-${at}`, ...parts })),
      ...bad.map((_, at) => record({ id: `successor-${at}`, key: `b-${at}` })),
      record({ id: 'after', key: 'c' }),
    )
    heard = await hearing(path, Placed, finish)
    const { parked } = operationsOf(heard.bus)
    await vi.waitFor(async () => expect((await parked.list()).items).toHaveLength(2 * rows.length), { timeout: 20_000 })
    entries = (await parked.list()).items
  })
  afterAll(end)

  it('leaves its neighbours alone: they are handled', () => {
    expect(heard.keys.toSorted()).toEqual(['a/before', 'c/after'])
  })

  it.each(rows.map((row, at) => ({ ...row, at })))(
    'is parked with its stream, and nothing of it is told: $name',
    async ({ code, at }) => {
      const { parked } = operationsOf(heard.bus)
      const [dead, behind, ...more] = entries
        .filter(({ key }) => key === `b-${at}`)
        .toSorted((one, other) => one.offset - other.offset)
      expect(dead).toMatchObject({ eventId: `bad-${at}`, state: 'dead', attempts: 1, error: { code } })
      expect(behind).toMatchObject({ eventId: `successor-${at}`, state: 'behind', attempts: 0 })
      expect(more).toEqual([])
      expect(JSON.stringify([dead, behind])).not.toContain(secret)
      // People can look at it.
      expect(JSON.stringify(await parked.show(dead?.id as string))).not.toContain('"admin"')
    },
  )

  it('is told of in the log without its payload', () => {
    expect(heard.world.logged()).toContain('bad-0')
    expect(heard.world.logged()).not.toContain(secret)
  })

  it('can be dropped; then its stream goes on, with what waited and what is new', async () => {
    const { bus, keys } = heard
    const { parked } = operationsOf(bus)
    const receipt = await bus.publish(Placed, { id: 'b-0' })
    await parked.drop({ subscription: 'all' })
    const successors = rows.map((_, at) => `b-${at}/successor-${at}`)
    await expect.poll(() => keys.length, { timeout: 10_000 }).toBe(2 + rows.length + 1)
    expect(keys).toEqual(expect.arrayContaining(successors))
    expect(keys.indexOf(`b-0/${receipt.id}`)).toBeGreaterThan(keys.indexOf('b-0/successor-0'))
    await expect.poll(async () => (await parked.list()).items).toEqual([])
  })

  it('may be a bomb: 200 MB in a few bytes cost little memory', async () => {
    const bombs = file()
    const packed = { gzip: await bomb(createGzip()), zstd: await bomb(createZstdCompress()) }
    await append(
      bombs,
      ...Object.entries(packed).map(([encoding, bytes]) => record({ key: encoding, ...data(bytes, encoding) })),
    )
    const before = process.resourceUsage().maxRSS
    const { bus } = await hearing(bombs)
    await expect
      .poll(async () => (await operationsOf(bus).parked.list()).items)
      .toMatchObject([{ state: 'dead' }, { state: 'dead' }])
    expect((process.resourceUsage().maxRSS - before) / 1_024).toBeLessThan(100)
  })

  it('is read up to the very limit of its size', async () => {
    const path = file()
    const limit = 16 * 1_024 * 1_024
    const sized = (bytes: number): string =>
      json({ id: 'x', text: 'x'.repeat(bytes - json({ id: 'x', text: '' }).length) })
    await append(
      path,
      ...[limit - 1, limit, limit + 1].map((bytes) =>
        record({ id: `${bytes - limit}`, key: `k${bytes - limit}`, data: sized(bytes) }),
      ),
    )
    const { bus, keys } = await hearing(path)
    await expect.poll(() => keys.toSorted(), { timeout: 10_000 }).toEqual(['k-1/-1', 'k0/0'])
    await expect
      .poll(async () => (await operationsOf(bus).parked.list()).items)
      .toMatchObject([{ eventId: '1', state: 'dead' }])
  })

  it('in the middle of a file that was damaged afterwards is parked with its stream', async () => {
    const path = file()
    const { bus } = await open({ path })
    for (let at = 0; at < 300; at++) await bus.publish(Placed, { id: `o-${at % 30}`, at })
    await bus.close()
    const database = new DatabaseSync(path)
    database.exec(`update tidings_events set data = replace(data, '"at":150', '"at":999') where position = 151`)
    database.close()
    const heard = await hearing(path)
    // 10 events a stream; those of stream 0 up to position 121 are sound.
    await expect.poll(() => heard.keys.length, { timeout: 5_000 }).toBe(300 - 5)
    await expect.poll(async () => (await operationsOf(heard.bus).parked.list()).items.length).toBe(5)
    const { items: entries } = await operationsOf(heard.bus).parked.list()
    expect(entries.map(({ state, offset }) => `${state} ${offset}`).toSorted()).toEqual([
      'behind 181',
      'behind 211',
      'behind 241',
      'behind 271',
      'dead 151',
    ])
    expect(entries.find(({ state }) => state === 'dead')).toMatchObject({
      error: { code: 'TIDINGS_CHECKSUM_MISMATCH' },
    })
  })
})

describe('versions', () => {
  const V2 = defineEvent('order.placed', {
    version: '2.1.0',
    schema: z.looseObject({ id: z.string(), total: z.object({ cents: z.number() }) }),
    upcasters: {
      '1.0.0': (old: { id: string; total?: number }) => ({ ...old, total: { cents: (old.total ?? 0) * 100 } }),
    },
  })

  it('of a higher major are parked without an attempt, and released in order when a process that knows them starts', async () => {
    const path = file()
    const newer = (id: string): EventRecord =>
      record({ id, key: 'b', version: '2.0.0', data: json({ id: 'b', total: { cents: 5 } }) })
    await append(
      path,
      record({ id: 'before', key: 'a' }),
      newer('first'),
      newer('second'),
      record({ id: 'old', key: 'b', data: json({ id: 'b', total: 7 }) }),
      record({ id: 'after', key: 'c' }),
    )
    const old = await hearing(path)
    const { parked } = operationsOf(old.bus)
    await expect.poll(async () => (await parked.list()).items.length).toBe(3)
    await expect.poll(() => old.keys.toSorted()).toEqual(['a/before', 'c/after'])
    const states = (await parked.list()).items.toSorted((a, b) => a.offset - b.offset)
    expect(states).toMatchObject([
      { state: 'upgrade', attempts: 0, error: { code: 'TIDINGS_UPGRADE_NEEDED' } },
      { state: 'behind', attempts: 0 },
      { state: 'behind', attempts: 0 },
    ])
    // Starting the same again changes nothing.
    await old.bus.close()
    const again = await hearing(path)
    await expect
      .poll(async () => (await operationsOf(again.bus).parked.list({ state: 'upgrade' })).items.length)
      .toBe(1)
    await again.bus.publish(Placed, { id: 'd' })
    await expect.poll(() => again.keys.length).toBe(1)
    await again.bus.close()
    expect(again.keys[0]).toMatch(/^d\//)

    const world = await open({ path })
    const seen: unknown[] = []
    world.bus.subscribe(
      V2,
      { name: 'all', from: 'beginning' },
      (event, { attempt }) => void seen.push([event.id, event.data.total.cents, event.version, attempt]),
    )
    await world.bus.start()
    await expect
      .poll(() => seen, { timeout: 5_000 })
      .toEqual([
        ['first', 5, '2.0.0', 1],
        ['second', 5, '2.0.0', 1],
        ['old', 700, '2.1.0', 1],
      ])
    await expect.poll(async () => (await operationsOf(world.bus).parked.list()).items).toEqual([])
  })

  it('that are lower pass the upcasters, higher minors keep what is not known here', async () => {
    const path = file()
    await append(
      path,
      record({ id: 'legacy', version: '1.0.0', data: json({ id: 'o-1', total: 3 }) }),
      record({ id: 'newest', version: '2.9.0', data: json({ id: 'o-1', total: { cents: 4 }, colour: 'red' }) }),
    )
    const { bus } = await open({ path })
    const seen: unknown[] = []
    bus.subscribe(V2, { name: 'all', from: 'beginning' }, (event) => void seen.push(event.data))
    await bus.start()
    await expect
      .poll(() => seen)
      .toEqual([
        { id: 'o-1', total: { cents: 300 } },
        { id: 'o-1', total: { cents: 4 }, colour: 'red' },
      ])
  })

  it('whose upcaster fails are dead, and only they', async () => {
    const path = file()
    const Broken = defineEvent('order.placed', {
      version: '2.0.0',
      upcasters: {
        '1.0.0': () => {
          throw new Error('cannot')
        },
      },
    })
    await append(path, record({ id: 'old', key: 'a' }), record({ id: 'new', key: 'b', version: '2.0.0' }))
    const { bus, keys } = await hearing(path, Broken)
    await expect.poll(() => keys).toEqual(['b/new'])
    await expect
      .poll(async () => (await operationsOf(bus).parked.list()).items)
      .toMatchObject([{ eventId: 'old', state: 'dead', error: { code: undecodable } }])
  })

  it.each(['', 'two', '1', '99999999999.0.0', `1.0.0-${secret}`, '1.0'])(
    'that are none (%j) break nothing',
    async (version) => {
      const path = file()
      await append(path, record({ id: 'odd', key: 'a', version }), record({ id: 'fine', key: 'b' }))
      const { bus, keys } = await hearing(path)
      await expect.poll(() => keys).toContain('b/fine')
      const settled = async (): Promise<number> => keys.length + (await operationsOf(bus).parked.list()).items.length
      await expect.poll(settled).toBe(2)
    },
  )
})
