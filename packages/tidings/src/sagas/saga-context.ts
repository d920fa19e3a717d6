import type { EventDefinition } from '../events/define-event.ts'
import type { Duration } from '../kernel/duration.ts'
import type { Stamp } from '../prepare/prepare.ts'
import type { Statement } from '../store/store.ts'
import type { PublishedInUnit } from '../subscriber/handler-context.ts'
import type { SagaView } from './saga-view.ts'

/** What a step, or its compensation, is given. After it has returned, or has been given up, every call throws `TIDINGS_WITHDRAWN`. */
export interface SagaContext<Data = unknown> extends SagaView<Data> {
  /**
   * Idempotency key for calls outside: one per saga, step and direction, the same in every try and after every crash. It is called at most once plus
   * once for every try that failed and every crash.
   */
  readonly stepId: string
  /** 1 for the first try. */
  readonly attempt: number
  /** Aborts when this try takes longer than its `timeout`, the partition moves away, or the process drains. Pass it on to what you call. */
  readonly signal: AbortSignal
  /** Joins an event to the unit that records this call as made: both become true, or neither. It carries the saga's tenant and correlation. */
  readonly publish: <Input, Eventual>(
    definition: EventDefinition<Input, Eventual>,
    data: Input,
    stamp?: Stamp,
  ) => Promise<PublishedInUnit>
  /** Joins SQL to the same unit. SQL stores only. */
  readonly write: (statement: Statement) => void
}

/** What a reaction is given: `on(Event, (state, event, saga) => next state)`. */
export interface ReactionContext<Data = unknown> extends SagaView<Data> {
  /** 1 for the first try. */
  readonly attempt: number
  readonly signal: AbortSignal
  /** Joins an event to the unit that changes the state and marks the event handled. */
  readonly publish: SagaContext['publish']
  readonly write: SagaContext['write']
  /**
   * Calls outside, under one idempotency key per saga and name. What it returns (JSON data) is recorded before this resolves, and is answered instead of
   * a call whenever this name is asked for again in this saga. A compensation of the same name in the definition is registered before the call.
   */
  readonly effect: <Result>(name: string, run: (key: string) => Result | Promise<Result>) => Promise<Result>
  /** Runs the reaction of this name in `timers` later; instead of an earlier timer of the name. */
  readonly after: (name: string, delay: Duration) => void
  /** Takes such a timer back. */
  readonly stop: (name: string) => void
  /** The saga ends with this reaction: done. */
  readonly done: () => void
  /** The saga compensates, and then ends. */
  readonly fail: (why: string) => void
}
