import { memoryStore, type Store, TidingsError } from 'tidings/spi'

import type { StoreBackend } from '../../store/store-world.ts'
import { declaring, noTime } from './decorate.ts'

/**
 * Several stores over one memory that outlives them, as processes share a database. `bend` sees each connection, with its
 * number, and may break it; without it, it passes the suite.
 */
export function sharedBackend(
  name: string,
  bend: (view: Store, number: number) => Store = (view) => view,
): StoreBackend {
  const memories = new Map<string, Store>()
  const views = new Map<string, number>()
  const open = (place: string): Store => {
    const memory = memories.get(place) ?? memoryStore()
    memories.set(place, memory)
    const number = (views.get(place) ?? 0) + 1
    views.set(place, number)
    return bend(declaring(viewOf(memory), { name: 'shared', durability: 'store', sharing: 'host' }), number)
  }
  return { name, create: open, reopen: open, remove: (place) => void memories.delete(place), advance: noTime }
}

/** A store of its own life over another one's data. */
function viewOf(memory: Store): Store {
  let closed = false
  const stops = new Set<() => void>()
  const open = <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>): ((...args: A) => Promise<R>) => {
    return async (...args) => {
      if (closed) throw new TidingsError('TIDINGS_CLOSED', 'The store is closed.')
      return call(...args)
    }
  }
  return {
    capabilities: memory.capabilities,
    commit: open((units) => memory.commit(units)),
    readStream: open((stream, query) => memory.readStream(stream, query)),
    readAll: open((query) => memory.readAll(query)),
    find: open((collection, query) => memory.find(collection, query)),
    prune: open((query) => memory.prune(query)),
    watch(wake) {
      if (closed) return () => {}
      const stop = memory.watch(wake)
      stops.add(stop)
      return stop
    },
    async close() {
      closed = true
      for (const stop of stops) stop()
    },
  }
}
