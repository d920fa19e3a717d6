import type { EventRecord } from '../events/record.ts'
import type { Unit } from '../store/store.ts'

/** An event that is about to be appended, as it will stand in its stream. */
export interface JoiningEvent {
  readonly record: EventRecord
  readonly stream: string
  readonly streamVersion: number
  readonly partition: number
}

/** What becomes true in the commit of the events it is made of. */
export interface Joined extends Required<Pick<Unit, 'expect' | 'documents' | 'statements'>> {
  /** It has become true. */
  committed(): void
}

/** Events of this stream that stand before are still to be applied; undefined: nobody may apply anything right now. Ask again shortly. */
export interface Behind {
  readonly behind: string | undefined
}

/** A read model that is written in the very commit of the events it is made of. */
export interface JoinedListener {
  readonly name: string
  matches(type: string): boolean
  /**
   * What these events change, those of each stream in their order. `queued`: the queue applies them, as it does with those before them. Rejects with what the
   * handler throws.
   */
  join(events: readonly JoiningEvent[]): Promise<Joined | Behind | 'queued'>
  /** What `join` has found may be so no longer. */
  forget(): void
}
