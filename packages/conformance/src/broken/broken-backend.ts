import type { StoreBackend } from '../store/store-world.ts'
import type { TransportBackend } from '../transport/transport-world.ts'

/** An adapter that breaks its word on purpose, and which promises of the suite must notice it. */
export interface Broken<Backend> {
  readonly backend: Backend
  /** All of these must have a failing case, and no others may. */
  readonly breaks: readonly string[]
}

export type BrokenStore = Broken<StoreBackend>
export type BrokenTransport = Broken<TransportBackend>
