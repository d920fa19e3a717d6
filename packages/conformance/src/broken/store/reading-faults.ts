import {
  type EventRecord,
  type Expectation,
  partitionOf,
  type Store,
  type StoredEvent,
  type StreamName,
  streamText,
} from 'tidings/spi'

import type { BrokenStore } from '../broken-backend.ts'
import { restoring } from './commit-faults.ts'
import { brokenMemory } from './decorate.ts'

/** Stores whose reads break their word. */
export const readingFaults: readonly BrokenStore[] = [
  brokenMemory('loses one event in a hundred', ['acknowledged', 'streams', 'versions'], (store) =>
    choosing(store, ({ position }) => position % 100 !== 0),
  ),
  brokenMemory(
    'gives neighbours of different streams in the wrong order',
    ['acknowledged', 'atomic', 'filters', 'positions', 'prune', 'through'],
    (store) => ({
      async readAll(query) {
        const page = await store.readAll(query)
        const events = [...page.events]
        for (let at = 1; at < events.length; at += 3) {
          const [left, right] = [events[at - 1] as StoredEvent, events[at] as StoredEvent]
          if (left.stream !== right.stream) events.splice(at - 1, 2, right, left)
        }
        return { ...page, events }
      },
    }),
  ),
  brokenMemory('answers versions with a gap', ['atomic', 'concurrent', 'expect', 'versions'], (store) => {
    const later = <E extends { readonly streamVersion: number }>(event: E): E =>
      event.streamVersion > 1 && event.streamVersion < 4 ? { ...event, streamVersion: event.streamVersion + 1 } : event
    return {
      commit: async (units) =>
        (await store.commit(units)).map((result) =>
          result.status === 'committed' ? { ...result, events: result.events.map(later) } : result,
        ),
    }
  }),
  brokenMemory('calls looked at what is yet to come', ['through'], (store) => ({
    async readAll(query) {
      const page = await store.readAll(query)
      return page.events.length > 0 && page.events.length < query.limit ? { ...page, through: page.through + 1 } : page
    },
  })),
  brokenMemory('moves `through` only to events it returns', ['through'], (store) => ({
    async readAll(query) {
      const { events } = await store.readAll(query)
      return { events, through: events.at(-1)?.position ?? query.after }
    },
  })),
  brokenMemory('forgets `upTo`', ['filters', 'through'], (store) => ({
    readAll: ({ upTo: _, ...query }) => store.readAll(query),
  })),
  brokenMemory('reads every tenant, whichever is asked for', ['apart', 'filters'], (store) => ({
    readAll: ({ tenant: _, ...query }) => store.readAll(query),
  })),
  brokenMemory('joins tenant, category and key without a separator', ['apart'], (store) =>
    joining(store, ({ tenant, category, key }) => ({ tenant: '', category: '', key: tenant + category + key })),
  ),
  brokenMemory('mixes the tenants of a stream', ['apart'], (store) =>
    joining(store, ({ category, key }) => ({ tenant: '', category, key })),
  ),
  brokenMemory('gives bytes back as text', ['round-trip'], (store) =>
    restoring(
      store,
      (record) => record,
      (record) => ({
        ...record,
        data: typeof record.data === 'string' ? record.data : Buffer.from(record.data).toString('latin1'),
      }),
    ),
  ),
  brokenMemory('writes JSON in its own way', ['round-trip'], (store) =>
    restoring(
      store,
      (record) =>
        typeof record.data === 'string' && record.data !== ''
          ? { ...record, data: JSON.stringify(JSON.parse(record.data)) }
          : record,
      (record) => record,
    ),
  ),
  brokenMemory('trims names', ['apart', 'round-trip'], (store) =>
    restoring(
      store,
      (record) => ({ ...record, key: record.key.trim() }),
      (record) => record,
    ),
  ),
  brokenMemory('reads backwards from the wrong end', ['prune', 'streams'], (store) => ({
    async readStream(stream, query = {}) {
      if (query.reverse !== true) return store.readStream(stream, query)
      const { reverse: _, from: __, ...rest } = query
      return (await store.readStream(stream, rest)).toReversed()
    },
  })),
  brokenMemory('reads a stream whole, whatever the limit', ['prune', 'streams'], (store) => ({
    readStream: (stream, query) => store.readStream(stream, { ...query, limit: 1_000_000 }),
  })),
]

function choosing(store: Store, keep: (event: StoredEvent) => boolean): Partial<Store> {
  return {
    readStream: async (stream, query) => (await store.readStream(stream, query)).filter(keep),
    async readAll(query) {
      const page = await store.readAll(query)
      return { ...page, events: page.events.filter(keep) }
    },
  }
}

/** Keeps streams under joined names, and gives them back under their own. */
function joining(store: Store, joined: (stream: StreamName) => StreamName): Partial<Store> {
  const originals = new Map<string, EventRecord>()
  const name = ({ source, id }: EventRecord): string => `${source}\n${id}`
  const whole = {
    ...store,
    ...restoring(
      store,
      (record) => {
        originals.set(name(record), record)
        return { ...record, ...joined(record) }
      },
      (record) => originals.get(name(record)) ?? record,
    ),
  }
  const named = (event: StoredEvent): StoredEvent => {
    const stream = streamText(event.record)
    return { ...event, stream, partition: partitionOf(stream, store.capabilities.partitions) }
  }
  const expected = (one: Expectation): Expectation => ('stream' in one ? { ...one, stream: joined(one.stream) } : one)
  return {
    async commit(units) {
      const bent = units.map((unit) => (unit.expect ? { ...unit, expect: unit.expect.map(expected) } : unit))
      return (await whole.commit(bent)).map((result, at) => {
        if (result.status !== 'conflict') return result
        const which = bent[at]?.expect?.indexOf(result.expectation) ?? 0
        return { ...result, expectation: units[at]?.expect?.[which] ?? result.expectation }
      })
    },
    readStream: async (stream, query) => (await whole.readStream(joined(stream), query)).map(named),
    async readAll({ tenant, categories, partitions, ...query }) {
      const page = await whole.readAll(query)
      const chosen = (event: StoredEvent): boolean =>
        (tenant === undefined || event.record.tenant === tenant) &&
        (categories?.includes(event.record.category) ?? true) &&
        (partitions?.includes(event.partition) ?? true)
      return { ...page, events: page.events.map(named).filter(chosen) }
    },
    prune: ({ stream, ...query }) => store.prune({ ...query, ...(stream && { stream: joined(stream) }) }),
  }
}
