import { type Log, silentLog } from '../kernel/log.ts'
import { type Meter, silentMeter } from '../kernel/meter.ts'
import { realRuntime } from '../kernel/real-runtime.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { Store } from '../store/store.ts'
import { openStore } from './open-store.ts'

export interface SharedStoreOptions {
  /** Default: silent. */
  readonly log?: Log
  /** Default: counts nothing. */
  readonly meter?: Meter
  /** Default: the system's clock and random numbers. */
  readonly runtime?: Runtime
}

/**
 * Opens the store that a URL names, for several buses of one process: `createEventBus({ store, source: '/auth' })`. No bus closes it;
 * close it after the last of them. Rejects as `createEventBus` would.
 */
export async function sharedStore(url: string, options: SharedStoreOptions = {}): Promise<Store> {
  const { store } = await openStore(
    { url },
    { runtime: options.runtime ?? realRuntime(), log: options.log ?? silentLog, meter: options.meter ?? silentMeter },
  )
  return store
}
