import type { EventRecord, Position, Unit } from 'tidings/spi'

/** An event that the disk holds. */
export interface Appended {
  readonly id: string
  readonly position: Position
  readonly streamVersion: number
  readonly stream: string
  readonly partition: number
  readonly record: EventRecord
  /** What its publisher wrote, so that the two can be told apart from each other. */
  readonly token: string
  /** Its bytes were damaged on the way to the disk. */
  readonly damaged: boolean
  /** Who committed it. */
  readonly by: string
}

/** A unit that the disk has applied. */
export interface Committed {
  readonly by: string
  readonly unit: Unit
}

/** A unit that the disk has refused because of a precondition. */
export interface Conflicted {
  readonly by: string
  readonly unit: Unit
  /** Collection of the document that was not as expected; empty for streams. */
  readonly collection: string
}

/** `n = n + 1`, applied. */
export interface Effect {
  readonly subscription: string
  readonly event: Appended
  readonly by: string
  /** How often it has been applied by now. */
  readonly count: number
}

/** One handler at work on one event. */
export interface Run {
  readonly subscription: string
  readonly event: Appended
  readonly instance: string
  readonly attempt: number
  /** Virtual milliseconds. */
  readonly began: number
  /** The owner's token of the partition when it began, as the disk knew it. */
  readonly token: number
  /** First time this subscription ever sees this event. */
  readonly first: boolean
  ended: number | undefined
  outcome: 'returned' | 'threw' | undefined
  error: unknown
}

/** One call of publish, and what its caller knows. */
export interface Published {
  readonly token: string
  readonly instance: string
  readonly began: number
  readonly options: { readonly id?: string; readonly dedupKey?: string; readonly expectedVersion?: number }
  status: 'pending' | 'acknowledged' | 'duplicate' | 'refused' | 'unknown'
  id: string | undefined
  streamVersion: number | undefined
  duplicateOf: string | undefined
  error: unknown
}

/** Watches the world for one promise. All its methods are told facts as they happen; `atEnd` is asked when all has come to rest. */
export interface Invariant {
  appended?(event: Appended): void
  committed?(commit: Committed): void
  conflicted?(conflict: Conflicted): void
  effect?(effect: Effect): void
  began?(run: Run): void
  ended?(run: Run): void
  /** An external call was made under an idempotency key. */
  charged?(run: Run, key: string): void
  published?(publish: Published): void
  atEnd?(): void
}
