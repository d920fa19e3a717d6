import { type Store, type VirtualRuntime, virtualRuntime } from 'tidings/spi'

import { type Patience } from '../suite/eventually.ts'
import type { CaseContext } from '../suite/run-cases.ts'
import type { Volumes } from '../suite/volumes.ts'

/** A store under test, as its author describes it. */
export interface StoreBackend {
  readonly name: string
  /** Opens a new, empty store. `place` is a name nobody used before (letters, digits, hyphens), for a file, schema or prefix. */
  readonly create: (place: string) => Promise<Store> | Store
  /**
   * Opens another store over the data of that place: after the first was closed, after it crashed, or beside it.
   * Owed by stores whose durability is not `memory` or whose sharing is not `process`.
   */
  readonly reopen?: (place: string) => Promise<Store> | Store
  /** Ends a store as the death of its process would: nothing is flushed, nobody is told. Default: the store is simply abandoned. */
  readonly crash?: (store: Store, place: string) => Promise<void> | void
  /** Called after each case, when the stores of that place are closed. */
  readonly remove?: (place: string) => Promise<void> | void
  /** Moves time where the store lives under a virtual clock; default: real time passes. */
  readonly advance?: (ms: number) => Promise<void>
}

/** What a case works with. */
export interface StoreWorld {
  readonly backend: StoreBackend
  /** Freshly opened and empty. */
  readonly store: Store
  readonly place: string
  readonly volumes: Volumes
  /** Ids and chance, from the case's seed. */
  readonly chance: VirtualRuntime
  readonly patience: Patience
  /** Another store over the same data; closed after the case. */
  readonly reopen: () => Promise<Store>
  /** Another empty store of the same kind; closed after the case. */
  readonly another: () => Promise<Store>
}

let places = 0

export async function inStoreWorld(
  backend: StoreBackend,
  { seed, volumes }: CaseContext,
  use: (world: StoreWorld) => Promise<void>,
): Promise<void> {
  const opened: Store[] = []
  const used: string[] = []
  const open = async (place: string, how: StoreBackend['create']): Promise<Store> => {
    if (!used.includes(place)) used.push(place)
    const store = await how(place)
    opened.push(store)
    return store
  }
  const newPlace = (): string => `case-${process.pid}-${seed.toString(36)}-${++places}`
  const place = newPlace()
  try {
    await use({
      backend,
      place,
      volumes,
      store: await open(place, backend.create),
      chance: virtualRuntime({ seed }),
      patience: { deadline: volumes.patience, advance: backend.advance },
      reopen: () => {
        if (backend.reopen === undefined) {
          throw new Error(`'${backend.name}' declares durability or sharing: pass \`reopen\` to the suite.`)
        }
        return open(place, backend.reopen)
      },
      another: () => open(newPlace(), backend.create),
    })
  } finally {
    // How it closes is what other cases look at.
    for (const store of opened) await store.close().catch(() => {})
    for (const name of used) await backend.remove?.(name)
  }
}
