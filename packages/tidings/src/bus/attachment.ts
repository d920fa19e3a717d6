import type { EventBus } from './event-bus.ts'

/** Something that stands on a bus and is brought along by its definition: a projection, a saga, a schedule. */
export interface Attachment {
  /** One of its kind per bus: a second of the same name is refused with `TIDINGS_SUBSCRIPTION_EXISTS`. */
  readonly name: string
  /** Called once a bus. Must not deliver anything, nor read or write the store: that is for `prepare`. Throws for what it cannot do on this bus. */
  attach(bus: EventBus): Attached
}

/** Its life on one bus. */
export interface Attached {
  /** Before delivery begins: makes what it needs and subscribes. A rejection refuses the start of the bus. */
  prepare?(): Promise<void>
  /** Delivery has begun. */
  started?(): void | Promise<void>
  /** Why something of its own is under way, in words, for those who wait until all is quiet; undefined: nothing. */
  busy?(): string | undefined
  /** The bus closes, and handlers still run: nothing new may begin. Ends within `deadline` milliseconds. */
  close?(deadline: number): void | Promise<void>
}
