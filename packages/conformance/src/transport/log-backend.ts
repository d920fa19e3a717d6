import {
  type LogTransportOptions,
  logTransport,
  type ProgressOptions,
  type Runtime,
  type Store,
  silentLog,
  silentMeter,
  type Transport,
  type VirtualRuntime,
} from 'tidings/spi'

import { type Mortal, mortal } from '../suite/mortal.ts'
import type { TransportBackend } from './transport-world.ts'

export interface LogBackendOptions {
  readonly name: string
  /** A virtual one is moved by the suite; with a real one real time passes. */
  readonly runtime: Runtime | VirtualRuntime
  /** Opens a store over what lies at a place; called for each connection, and may return the same store again. */
  readonly store: (place: string) => Promise<Store> | Store
  /** Called after each case, when the stores of that place are closed. */
  readonly remove?: ((place: string) => Promise<void> | void) | undefined
  /** Options of the transport; `lease` decides how long a take-over may last. */
  readonly log?: LogTransportOptions
  /** Whose progress the groups remember; default: nobody's. */
  readonly progress?: ProgressOptions['of']
}

/** Describes the log transport over any store, with members that can die, for `testTransport`. */
export function logBackend({ name, runtime, store, remove, log, progress }: LogBackendOptions): TransportBackend {
  const stores = new Map<string, Set<Store>>()
  const lives = new WeakMap<Transport, Mortal>()
  const open = async (place: string): Promise<Transport> => {
    const opened = await store(place)
    stores.set(place, (stores.get(place) ?? new Set()).add(opened))
    const life = mortal(runtime, opened)
    const host = { runtime: life.runtime, log: silentLog, meter: silentMeter }
    const transport = logTransport(life.store, host, log, progress)
    lives.set(transport, life)
    return transport
  }
  return {
    name,
    create: open,
    reopen: open,
    crash: (transport) => lives.get(transport)?.end(),
    remove: async (place) => {
      for (const each of stores.get(place) ?? []) await each.close()
      stores.delete(place)
      await remove?.(place)
    },
    ...('advance' in runtime && { advance: (ms: number) => runtime.advance(ms) }),
  }
}

/** One memory store a place, shared by all connections, for as long as the suite runs. */
export function sharedByPlace(create: () => Store): (place: string) => Store {
  const stores = new Map<string, Store>()
  return (place) => {
    const store = stores.get(place) ?? create()
    stores.set(place, store)
    return store
  }
}
