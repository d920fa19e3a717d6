import type { DocumentQuery, Store, StoredDocument } from 'tidings/spi'

import type { BrokenStore } from '../broken-backend.ts'
import { brokenMemory } from './decorate.ts'

/** Stores whose documents break their word. */
export const documentFaults: readonly BrokenStore[] = [
  brokenMemory('takes `%` and `_` in a prefix for patterns', ['documents'], (store) => ({
    async find(collection, query = {}) {
      if (query.prefix === undefined || !/[%_]/.test(query.prefix)) return store.find(collection, query)
      const { prefix, ...rest } = query
      const pattern = new RegExp(
        `^${prefix
          .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
          .replaceAll('%', '.*')
          .replaceAll('_', '.')}`,
        'u',
      )
      return (await store.find(collection, rest)).filter(({ id }) => pattern.test(id))
    },
  })),
  brokenMemory('orders ids as JavaScript does', ['documents'], (store) =>
    sorting(store, (a, b) => (a.id < b.id ? -1 : 1)),
  ),
  brokenMemory('ignores the case of ids', ['apart'], (store) => ({
    async find(collection, query = {}) {
      if (query.id === undefined) return store.find(collection, query)
      const { id, ...rest } = query
      return (await store.find(collection, { ...rest, limit: 10_000 })).filter(
        (one) => one.id.toLowerCase() === id.toLowerCase(),
      )
    },
  })),
  brokenMemory('goes on counting versions after a delete', ['documents'], (store) => {
    const deleted = new Map<string, number>()
    return {
      async commit(units) {
        const before = new Map<string, number>()
        for (const unit of units) {
          for (const change of unit.documents ?? []) {
            if (!('delete' in change)) continue
            const [found] = await store.find(change.collection, { id: change.id })
            before.set(`${change.collection}\n${change.id}`, found?.version ?? 0)
          }
        }
        const results = await store.commit(units)
        for (const [name, version] of before) deleted.set(name, (deleted.get(name) ?? 0) + version)
        return results
      },
      find: async (collection, query) =>
        (await store.find(collection, query)).map((one) => ({
          ...one,
          version: one.version + (deleted.get(`${collection}\n${one.id}`) ?? 0),
        })),
    }
  }),
  brokenMemory('knows no default limit', ['documents'], (store) => ({
    find: (collection, query) => store.find(collection, { limit: 1_000_000, ...query }),
  })),
  brokenMemory('orders text before numbers', ['index'], (store) => ({
    async find(collection, query = {}) {
      const found = await store.find(collection, query)
      if (query.by === undefined || query.by.equal !== undefined) return found
      const { index } = query.by
      const numbers = new Set(
        (await store.find(collection, { ...query, by: { index, upTo: Number.MAX_VALUE } })).map(({ id }) => id),
      )
      return [...found.filter(({ id }) => !numbers.has(id)), ...found.filter(({ id }) => numbers.has(id))]
    },
  })),
  brokenMemory('finds "10" where 10 is asked for', ['index'], (store) => ({
    async find(collection, query = {}) {
      const found = await store.find(collection, query)
      const equal = query.by?.equal
      if (typeof equal !== 'number') return found
      const text = await store.find(collection, {
        ...query,
        by: { index: query.by?.index ?? '', equal: String(equal) },
      })
      return [...found, ...text]
    },
  })),
  brokenMemory('leaves the last value out of `upTo`', ['index'], (store) => ({
    find: (collection, query = {}) => store.find(collection, belowOnly(query)),
  })),
  brokenMemory('makes a large number of Infinity', ['index'], (store) => ({
    commit: (units) =>
      store.commit(
        units.map((unit) => ({
          ...unit,
          ...(unit.documents && {
            documents: unit.documents.map((change) =>
              'put' in change && change.index !== undefined ? { ...change, index: finite(change.index) } : change,
            ),
          }),
        })),
      ),
  })),
  brokenMemory('keeps old index entries beside new ones', ['index'], (store) => {
    const indexes = new Map<string, Record<string, string | number>>()
    return {
      commit: (units) =>
        store.commit(
          units.map((unit) => ({
            ...unit,
            ...(unit.documents && {
              documents: unit.documents.map((change) => {
                if (!('put' in change)) return change
                const name = `${change.collection}\n${change.id}`
                const index = { ...indexes.get(name), ...change.index }
                indexes.set(name, index)
                return { ...change, index }
              }),
            }),
          })),
        ),
    }
  }),
]

function sorting(store: Store, compare: (a: StoredDocument, b: StoredDocument) => number): Partial<Store> {
  return {
    async find(collection, query = {}) {
      const found = await store.find(collection, query)
      return query.by === undefined ? found.toSorted(compare) : found
    },
  }
}

function finite(index: Readonly<Record<string, string | number>>): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(index).map(([name, value]) => [name, value === Number.POSITIVE_INFINITY ? Number.MAX_VALUE : value]),
  )
}

function belowOnly(query: DocumentQuery): DocumentQuery {
  const upTo = query.by?.upTo
  if (query.by === undefined || upTo === undefined) return query
  return { ...query, by: { ...query.by, upTo: upTo - Math.max(0.1, Math.abs(upTo) * Number.EPSILON) } }
}
