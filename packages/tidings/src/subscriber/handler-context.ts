import type { EventDefinition } from '../events/define-event.ts'
import type { Stamp } from '../prepare/prepare.ts'
import type { SqlTag } from '../store/sql.ts'
import type { Row } from '../store/sql-store.ts'
import type { Statement } from '../store/store.ts'

/** What a handler is given beside its event. After the attempt has been withdrawn, every call throws `TIDINGS_WITHDRAWN`. */
export interface HandlerContext {
  readonly subscription: string
  /** 1 for the first attempt. */
  readonly attempt: number
  /** True while history is run through the handler again. */
  readonly replay: boolean
  /** Aborts when the attempt times out, its partition moves away, or the process drains. Pass it on to what you call. */
  readonly signal: AbortSignal
  /** Joins SQL to this handler's unit: it commits together with the mark "handled", or not at all. Nothing runs yet. */
  readonly write: (statement: Statement) => void
  /**
   * Joins an event to the unit. It is published when, and only when, this attempt commits. It passes the rate limit without waiting, for it is part of
   * what was let in already; where its type asks for each content once (`dedup`), a repetition is left out and told.
   * Where everything it publishes stands already, under ids that you gave, the rest of the unit is committed without it; a handler that has used `tx`
   * runs once more for that, at no attempt's cost.
   * In a replay it is not published, unless the replay allows it.
   */
  readonly publish: <Input, Data>(
    definition: EventDefinition<Input, Data>,
    data: Input,
    stamp?: Stamp,
  ) => Promise<PublishedInUnit>
  /**
   * Calls the outside world at most once per success: `run` gets an idempotency key that is the same in every attempt; what it
   * returns (JSON data) is recorded before this resolves, and a later attempt gets the record instead of a call. In a replay it
   * is not called, unless the replay allows it: the record is returned, or undefined.
   */
  readonly effect: <T>(name: string, run: (key: string) => T | Promise<T>) => Promise<T>
  /** SQL that runs now, in a transaction of its own that becomes this handler's unit. Held at most `txHold`. SQL stores only. */
  readonly tx: HandlerTransaction
}

/** What became of an event that a handler or a transaction publishes. */
export interface PublishedInUnit {
  /** Its id; of the first event where this one repeats it. */
  readonly id: string
  /** Id of the event that this one repeats; then nothing is published. */
  readonly duplicateOf?: string
  /** Set in a replay that does not allow it: nothing is published. */
  readonly suppressed?: true
}

export interface HandlerTransaction {
  /** Runs a statement and returns its rows. */
  readonly sql: (
    strings: TemplateStringsArray,
    ...parts: Parameters<SqlTag> extends [TemplateStringsArray, ...infer Parts] ? Parts : never
  ) => Promise<readonly Row[]>
}
