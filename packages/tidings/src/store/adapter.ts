import type { Log } from '../kernel/log.ts'
import type { Meter } from '../kernel/meter.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { Store } from './store.ts'

/** What the bus lends to its adapters. */
export interface Host {
  readonly runtime: Runtime
  readonly log: Log
  readonly meter: Meter
}

/** A store that is described but not yet open. The bus opens it and closes what it opened. */
export interface StoreAdapter {
  readonly name: string
  /** Connects, migrates, and checks. Rejects with a coded error that says what to do. */
  open(host: Host): Promise<Store>
}
