import assert from 'node:assert/strict'

import { type EventRecord, partitionOf, streamText } from 'tidings/spi'

import type { Topic } from '../suite/case.ts'
import { ids, record, records, stored } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { commitAll, commitOne, order, readLog, streamOf } from './commits.ts'
import type { StoreWorld } from './store-world.ts'

/** Texts that stores have been seen to bend: normal forms, surrogates, direction marks, escapes, quotes, wildcards. */
const texts = [
  'é versus e\u0301',
  '😀 👩‍👩‍👧 𝒳',
  '\u202eright to left',
  'it\'s "quoted" \\ `ticked`; drop table events; --',
  '100% of_all [a-z]*?',
  '\ufeffmark',
  'Straße İstanbul ﬁ',
  ' spaces at both ends ',
]

const places: readonly [title: string, parts: Partial<EventRecord>][] = [
  ['legacy event without version', { version: '' }],
  ['tenant', { tenant: 'acme' }],
  ['every priority', { priority: 0 }],
  ['lowest priority', { priority: 3 }],
  ['beginning of time', { time: 0 }],
  ['end of the year 9999', { time: 253_402_300_799_999 }],
  ['causation and correlation', { correlation: 'c-1', causation: 'c-2' }],
  ['no data at all', { data: '' }],
  ['context', { context: '{"tenantId":"acme","business":{"campaign":"käse"}}' }],
  ['seal', { seal: 'c2VhbA' }],
  ['null as data', { data: 'null' }],
  ['data with escapes', { data: JSON.stringify({ text: texts.join('\u0000\n\t') }) }],
  ['data that only looks like numbers', { data: '1.0' }],
  ['data whose spacing and member order matter', { data: '{ "b": 1,\n "a": 1e2, "b": 2 }' }],
]

export const appendAndReadBack: Topic<StoreWorld> = {
  name: 'append and read back',
  cases: [
    {
      promise: 'round-trip',
      title: 'gives back every field as it was written, by both ways of reading',
      run: async (world) => {
        for (const [title, parts] of places) {
          const written = record(world, { key: title, ...parts })
          await checkBack(world, written, title)
        }
      },
    },
    {
      promise: 'round-trip',
      title: 'changes no text, whatever is in it',
      run: async (world) => {
        for (const text of texts) {
          const parts = {
            source: `/${text}`,
            type: text,
            category: text,
            key: text,
            tenant: text,
            correlation: text,
            causation: text,
          }
          await checkBack(
            world,
            record(world, { ...parts, data: JSON.stringify(text), context: JSON.stringify({ text }) }),
            text,
          )
        }
      },
    },
    {
      promise: 'round-trip',
      title: 'gives bytes back as bytes and text as text',
      run: async (world) => {
        const every = Uint8Array.from({ length: 256 }, (_, at) => at)
        for (const data of [every, Uint8Array.of(0), Uint8Array.of(0xff, 0xfe), Buffer.from('{"a":1}')]) {
          await checkBack(
            world,
            record(world, { data, encoding: 'gzip', key: `bytes-${data.length}` }),
            `${data.length} bytes`,
          )
        }
        await checkBack(world, record(world, { data: '{"a":1}', key: 'text' }), 'text')
      },
    },
    {
      promise: 'round-trip',
      title: 'keeps large events whole',
      run: async (world) => {
        const filler = 'é0😀'.repeat(Math.ceil(world.volumes.largeBytes / 7))
        await checkBack(world, record(world, { data: JSON.stringify(filler), key: 'text' }), 'large text')
        const bytes = new Uint8Array(world.volumes.largeBytes).map((_, at) => (at * 7) & 0xff)
        await checkBack(world, record(world, { data: bytes, encoding: 'zstd', key: 'bytes' }), 'large bytes')
      },
    },
    {
      promise: 'round-trip',
      title: 'says the stream and the partition of each event',
      run: async (world) => {
        const { store } = world
        const written = Array.from({ length: 40 }, (_, at) =>
          record(world, { key: `k-${at}`, tenant: at % 3 === 0 ? 'acme' : '' }),
        )
        await commitOne(store, { append: written })
        for (const event of await readLog(store)) {
          const text = streamText(event.record)
          assert.equal(event.stream, text)
          assert.equal(event.partition, partitionOf(text, store.capabilities.partitions))
        }
      },
    },
    {
      promise: 'acknowledged',
      title: 'holds every event it acknowledged, once, in the order of the units',
      run: async (world) => {
        const { store, volumes } = world
        const written: EventRecord[] = []
        while (written.length < volumes.events) {
          const units = Array.from({ length: 1 + Math.floor(world.chance.random() * 8) }, (_, unit) => ({
            append: records(world, 1 + Math.floor(world.chance.random() * 4), { key: `k-${unit}` }),
          }))
          await commitAll(store, units)
          written.push(...units.flatMap((unit) => unit.append))
        }
        same(ids(await readLog(store, { limit: 97 })), ids(written.map((one) => ({ record: one }))))
      },
    },
    {
      promise: 'acknowledged',
      title: 'shows to readers what it has acknowledged, at once',
      run: async (world) => {
        const { store } = world
        for (let at = 1; at <= 20; at++) {
          const written = record(world)
          const [placed] = await commitOne(store, {
            append: [written],
            documents: [{ collection: 'seen', id: 'one', put: String(at) }],
          })
          const [page, stream, documents] = await Promise.all([
            store.readAll({ after: (placed?.position ?? 0) - 1, limit: 10 }),
            store.readStream(order, { from: at }),
            store.find('seen'),
          ])
          same(
            [ids(page.events), ids(stream), documents.map((one) => one.body)],
            [[written.id], [written.id], [String(at)]],
          )
        }
      },
    },
    {
      promise: 'acknowledged',
      title: 'answers an empty call and an empty unit',
      run: async ({ store }) => {
        same(await store.commit([]), [])
        same(await commitAll(store, [{}, { append: [] }]), [[], []])
        same(await readLog(store), [])
      },
    },
  ],
}

async function checkBack({ store }: StoreWorld, written: EventRecord, what: string): Promise<void> {
  const [placed] = await commitOne(store, { append: [written] })
  assert.ok(placed, what)
  const page = await store.readAll({ after: placed.position - 1, limit: 1 })
  const stream = await store.readStream(written, { from: placed.streamVersion, limit: 1 })
  for (const event of [page.events[0], stream[0]]) {
    assert.ok(event, `${what}: read back`)
    same(stored(event.record), stored(written), what)
    assert.equal(
      typeof event.record.data === 'string',
      typeof written.data === 'string',
      `${what}: text stays text, bytes stay bytes`,
    )
    const { position, streamVersion, stream: name } = event
    same({ position, streamVersion, name }, { ...placed, name: streamOf(written) }, what)
  }
}
