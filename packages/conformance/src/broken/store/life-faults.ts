import type { DocumentChange, Store } from 'tidings/spi'

import type { BrokenStore } from '../broken-backend.ts'
import { brokenMemory } from './decorate.ts'

/** Stores that wake, prune or close wrongly. */
export const lifeFaults: readonly BrokenStore[] = [
  brokenMemory('wakes from inside commit', ['not-synchronous'], (store) => {
    const wakes = new Set<() => void>()
    let closed = false
    return {
      commit(units) {
        if (!closed) for (const wake of wakes) wake()
        return store.commit(units)
      },
      watch(wake) {
        const own = (): void => wake()
        wakes.add(own)
        const stop = store.watch(wake)
        return () => {
          wakes.delete(own)
          stop()
        }
      },
      close() {
        closed = true
        return store.close()
      },
    }
  }),
  brokenMemory('wakes from inside watch', ['not-synchronous'], (store) => ({
    watch(wake) {
      wake()
      return store.watch(wake)
    },
  })),
  brokenMemory('never wakes', ['not-synchronous', 'watch'], () => ({ watch: () => () => {} })),
  brokenMemory('wakes the first watcher only', ['watch'], (store) => {
    let watched = 0
    return { watch: (wake) => (watched++ === 0 ? store.watch(wake) : () => {}) }
  }),
  brokenMemory('goes on waking who has stopped', ['watch'], (store) => ({
    watch(wake) {
      store.watch(wake)
      return () => {}
    },
  })),
  brokenMemory('prunes without a bound', ['prune'], (store) => ({
    prune: (query) => store.prune({ ...query, limit: 1_000_000 }),
  })),
  brokenMemory('prunes beyond the position named', ['prune'], (store) => ({
    prune: (query) => store.prune({ ...query, through: query.through + 1 }),
  })),
  brokenMemory('prunes whatever the type', ['prune'], (store) => ({
    prune: ({ types: _, ...query }) => store.prune(query),
  })),
  brokenMemory('never says that more may be pruned', ['prune'], (store) => ({
    prune: async (query) => ({ ...(await store.prune(query)), more: false }),
  })),
  brokenMemory('prunes documents along with events', ['prune'], (store) => {
    const put: DocumentChange[] = []
    return {
      commit(units) {
        for (const { documents = [] } of units) put.push(...documents)
        return store.commit(units)
      },
      async prune(query) {
        const pruned = await store.prune(query)
        await store.commit([{ documents: put.map(({ collection, id }) => ({ delete: true, collection, id })) }])
        return pruned
      },
    }
  }),
  brokenMemory('gives positions again when its log is empty', ['prune'], (store) => {
    let base = 0
    const down = <E extends { readonly position: number }>(event: E): E => ({
      ...event,
      position: event.position - base,
    })
    return {
      commit: async (units) =>
        (await store.commit(units)).map((result) =>
          result.status === 'committed' ? { ...result, events: result.events.map(down) } : result,
        ),
      async readAll(query) {
        const page = await store.readAll({
          ...query,
          after: query.after + base,
          ...(query.upTo !== undefined && { upTo: query.upTo + base }),
        })
        return { events: page.events.map(down), through: page.through - base }
      },
      async readStream(stream, query) {
        return (await store.readStream(stream, query)).map(down)
      },
      async prune(query) {
        const pruned = await store.prune({ ...query, through: query.through + base })
        const { events, through } = await store.readAll({ after: 0, limit: 1 })
        if (events.length === 0) base = through
        return pruned
      },
    }
  }),
  brokenMemory('works on after close', ['close'], (store) => ({ close: async () => void store })),
  brokenMemory('refuses to close twice', ['close'], (store) => {
    let closed = false
    return {
      async close() {
        if (closed) throw new Error('already closed')
        closed = true
        await store.close()
      },
    }
  }),
  brokenMemory('throws where it should reject', ['close'], (store) => {
    let closed = false
    return {
      find(collection, query) {
        if (closed) throw new TypeError('Cannot read properties of undefined')
        return store.find(collection, query)
      },
      close() {
        closed = true
        return store.close()
      },
    }
  }),
  brokenMemory('leaves running calls without an answer when it closes', ['close'], leavesCalls),
]

function leavesCalls(store: Store): Partial<Store> {
  let closed = false
  return {
    async commit(units) {
      const results = await store.commit(units)
      await new Promise((resolve) => void setImmediate(resolve))
      if (closed) throw new Error('connection terminated')
      return results
    },
    close() {
      closed = true
      return store.close()
    },
  }
}
