import {
  type CommitResult,
  type EventRecord,
  isTidingsError,
  type Store,
  type StoredEvent,
  TidingsError,
  type Unit,
} from 'tidings/spi'

import type { BrokenStore } from '../broken-backend.ts'
import { brokenMemory } from './decorate.ts'

/** Stores whose `commit` breaks its word. */
export const commitFaults: readonly BrokenStore[] = [
  brokenMemory('ignores preconditions', ['atomic', 'concurrent', 'expect'], (store) => ({
    commit: (units) => store.commit(units.map(({ expect: _, ...unit }) => unit)),
  })),
  brokenMemory(
    'ignores the versions of documents, and so the token of an owner',
    ['atomic', 'concurrent', 'expect'],
    (store) => ({
      commit: (units) =>
        store.commit(units.map((unit) => ({ ...unit, expect: (unit.expect ?? []).filter((one) => 'stream' in one) }))),
    }),
  ),
  brokenMemory('answers conflicts without what it found', ['concurrent', 'expect'], (store) => ({
    commit: async (units) =>
      (await store.commit(units)).map((result) => (result.status === 'conflict' ? { ...result, actual: 0 } : result)),
  })),
  brokenMemory('checks preconditions once for the whole call', ['expect'], (store) => ({
    async commit(units) {
      if (units.length < 2) return store.commit(units)
      const early = await Promise.all(units.map((unit) => store.commit([{ expect: unit.expect ?? [] }])))
      const passing = units
        .filter((_, at) => early[at]?.[0]?.status === 'committed')
        .map(({ expect: _, ...unit }) => unit)
      const results = [...(await store.commit(passing))]
      return early.map(([result]) => (result?.status === 'committed' ? (results.shift() ?? result) : (result as never)))
    },
  })),
  brokenMemory('writes the documents of a unit that conflicts', ['atomic', 'concurrent', 'expect'], (store) => ({
    async commit(units) {
      const results = await store.commit(units)
      for (const [at, { documents }] of units.entries()) {
        if (results[at]?.status === 'conflict' && documents) await store.commit([{ documents }])
      }
      return results
    },
  })),
  brokenMemory('lets one failing unit fail those behind it', ['atomic', 'expect', 'no-sql'], (store) => ({
    async commit(units) {
      if (units.length === 0) return store.commit(units)
      const results: CommitResult[] = []
      for (const unit of units) {
        const last = results.at(-1)
        if (last === undefined || last.status === 'committed') results.push(...(await store.commit([unit])))
        else results.push(last)
      }
      return results
    },
  })),
  brokenMemory(
    'applies the units of a call backwards',
    ['acknowledged', 'atomic', 'expect', 'positions', 'repeat', 'versions'],
    (store) => ({
      commit: async (units) => (await store.commit(units.toReversed())).toReversed(),
    }),
  ),
  brokenMemory('does not know units again', ['atomic', 'repeat'], forgetful),
  brokenMemory(
    'loses the answer of a commit now and then, and does not know the unit again',
    ['acknowledged', 'atomic', 'concurrent', 'repeat', 'versions'],
    (store) => losingAnswers({ ...store, ...forgetful(store) }),
  ),
  brokenMemory('stores the new part of a unit of which some ids are known', ['atomic', 'repeat'], (store) => ({
    async commit(units) {
      const results = await store.commit(units)
      for (const [at, { append = [] }] of units.entries()) {
        const result = results[at]
        if (result?.status !== 'refused' || !isTidingsError(result.error, 'TIDINGS_DUPLICATE_ID')) continue
        for (const record of append) await store.commit([{ append: [record] }])
      }
      return results
    },
  })),
  brokenMemory('takes an id for the same whatever its source', ['repeat'], (store) => {
    const originals = new Map<string, EventRecord>()
    const first = (record: EventRecord): EventRecord => {
      const original = originals.get(record.id) ?? record
      originals.set(record.id, original)
      return original
    }
    return restoring(store, first, (record) => record)
  }),
]

/** Applies every unit, but now and then does not say so. An honest store may do that. */
export function losingAnswers(store: Store): Partial<Store> {
  let calls = 0
  return {
    ...store,
    async commit(units) {
      const results = await store.commit(units)
      if (units.some((unit) => (unit.append?.length ?? 0) > 0) && ++calls % 11 === 0) {
        throw new TidingsError('TIDINGS_COMMIT_UNKNOWN', 'The answer was lost.')
      }
      return results
    },
  }
}

/** Stores every event under an id of its own, and gives back the one it came with. */
function forgetful(store: Store): Partial<Store> {
  const originals = new Map<string, EventRecord>()
  return restoring(
    store,
    (record) => {
      const id = `${record.id} ${originals.size}`
      originals.set(id, record)
      return { ...record, id }
    },
    (record) => originals.get(record.id) ?? record,
  )
}

/** Changes records on the way in, and back on the way out; queries for an id ask for all and choose. */
export function restoring(
  store: Store,
  inward: (record: EventRecord) => EventRecord,
  outward: (record: EventRecord) => EventRecord,
): Partial<Store> {
  const out = (event: StoredEvent): StoredEvent => ({ ...event, record: outward(event.record) })
  const into = (unit: Unit): Unit => (unit.append ? { ...unit, append: unit.append.map(inward) } : unit)
  return {
    commit: (units) => store.commit(units.map(into)),
    readStream: async (stream, query) => (await store.readStream(stream, query)).map(out),
    async readAll({ id, ...query }) {
      const page = await store.readAll(query)
      const events = page.events.map(out).filter(({ record }) => id === undefined || record.id === id)
      return { events, through: page.through }
    },
  }
}
