import { memoryStore, type Store, type StoreCapabilities } from 'tidings/spi'

import type { BrokenStore } from '../broken-backend.ts'

/** Lets time pass in a world without timers, so that waiting in vain costs nothing. */
export const noTime = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/** A memory store with some of its methods replaced. */
export function brokenMemory(
  name: string,
  breaks: readonly string[],
  replace: (store: Store) => Partial<Store>,
): BrokenStore {
  const create = (): Store => decorate(memoryStore(), replace)
  return { backend: { name, create, advance: noTime }, breaks }
}

export function decorate(store: Store, replace: (store: Store) => Partial<Store>): Store {
  return { ...store, ...replace(store) }
}

/** Declares what is not so. */
export function declaring(store: Store, capabilities: Partial<StoreCapabilities>): Store {
  return { ...store, capabilities: Object.freeze({ ...store.capabilities, ...capabilities }) }
}
