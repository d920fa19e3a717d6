import type { EventRecord } from '../events/record.ts'
import type { Log } from '../kernel/log.ts'
import type { Meter } from '../kernel/meter.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { Committer } from '../publisher/committer.ts'
import type { Placed, Store } from '../store/store.ts'
import type { Transport } from '../transport/transport.ts'
import type { InboxSettings } from './bridge-settings.ts'

/** What an inbox needs of its bus. */
export interface InboxHost {
  readonly store: Store
  readonly committer: Committer
  readonly transport: Transport
  readonly runtime: Runtime
  readonly log: Log
  readonly meter: Meter
  readonly settings: InboxSettings
  readonly source: string
  /** The name of the store, see `identityOf`. */
  readonly identity: string
  /** Largest data taken in, in bytes. */
  readonly maxBytes: number
  /** Whether this process has lately sent an event of its own with this id to the broker, so that the store has it. */
  sent(id: string): boolean
  /** An event under this service's own source has come from elsewhere: it is not to be sent back. */
  arrived(id: string): void
  /** These stand in the log now. Must not throw. */
  stored(records: readonly EventRecord[], placed: readonly Placed[]): void | Promise<void>
  /** Something was taken in; for those who wait until all is quiet. */
  progressed(): void
}

/** Counted in this process since its start. */
export interface InboxCounts {
  received: number
  duplicates: number
  dead: number
}
