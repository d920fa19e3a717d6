import { memoryStore, type PruneQuery, type Store, TidingsError, type Unit } from 'tidings/spi'

import type { StoreBackend } from '../../store/store-world.ts'
import { declaring, decorate, noTime } from './decorate.ts'

type Entry = { readonly units: readonly Unit[] } | { readonly prune: PruneQuery }

/** How a journal may fail; the honest one does none of it. */
export interface JournalFaults {
  /** Entries wait in memory until the next call. */
  readonly late?: boolean
  /** Of the last entry before a crash only the documents are found. */
  readonly torn?: boolean
  /** A new store begins empty. */
  readonly empty?: boolean
}

/**
 * A small durable store: everything that changes it is written to a journal, which outlives it, and a new store plays the
 * journal again. With faults it loses what a careless database would lose; without, it passes the suite.
 */
export function journalBackend(name: string, faults: JournalFaults = {}): StoreBackend {
  const journals = new Map<string, Entry[]>()
  const inUse = new Set<string>()
  const deaths = new WeakMap<Store, () => void>()

  const open = async (place: string): Promise<Store> => {
    if (inUse.has(place)) throw new TidingsError('TIDINGS_STORE_UNAVAILABLE', 'Another store has opened this journal.')
    inUse.add(place)
    if (faults.empty === true) journals.delete(place)
    const journal = journals.get(place) ?? []
    journals.set(place, journal)
    const memory = memoryStore()
    for (const entry of journal) {
      if ('units' in entry) await memory.commit(entry.units)
      else await memory.prune(entry.prune)
    }
    let held: Entry[] = []
    const flush = (): void => void journal.push(...held.splice(0))
    let dead = false
    const write = (entry: Entry): void => {
      if (dead) return
      flush()
      held.push(entry)
      if (faults.late !== true) flush()
    }
    const store = decorate(declaring(memory, { name: 'journal', durability: 'store' }), (good) => ({
      async commit(units) {
        const results = await good.commit(units)
        write({ units: units.filter((_, at) => results[at]?.status === 'committed') })
        return results
      },
      async prune(query) {
        const pruned = await good.prune(query)
        write({ prune: query })
        return pruned
      },
      async close() {
        if (!dead) {
          flush()
          inUse.delete(place)
          dead = true
        }
        await good.close()
      },
    }))
    deaths.set(store, () => {
      dead = true
      inUse.delete(place)
      held = []
    })
    return store
  }

  return {
    name,
    create: open,
    reopen: open,
    crash: (store, place) => {
      deaths.get(store)?.()
      const journal = journals.get(place)
      const last = journal?.pop()
      if (last !== undefined) journal?.push(faults.torn === true ? tear(last) : last)
    },
    remove: (place) => void journals.delete(place),
    advance: noTime,
  }
}

function tear(entry: Entry): Entry {
  return 'units' in entry ? { units: entry.units.map(({ documents }) => (documents ? { documents } : {})) } : entry
}
