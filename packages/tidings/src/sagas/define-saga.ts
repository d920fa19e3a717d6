import type { Attachment } from '../bus/attachment.ts'
import type { AnyEventDefinition, DataOf, DefinitionOf } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import type { Json } from '../events/plain.ts'
import type { Duration } from '../kernel/duration.ts'
import type { Backoff } from '../resilience/backoff.ts'
import { attachSaga } from './attach-saga.ts'
import { planOf } from './plan-of.ts'
import type { ReactionContext, SagaContext } from './saga-context.ts'
import { subscriptionOfSaga } from './saga-events.ts'
import type { Migrated, SagaPlan } from './saga-plan.ts'
import type { SagaView } from './saga-view.ts'

// biome-ignore lint/suspicious/noExplicitAny: stands for the data of whatever events a saga hears, and for whatever state it keeps.
// oxlint-disable-next-line typescript/no-explicit-any
type Anything = any

/** What every saga says of itself, in either shape. */
export interface SagaCommonOptions<Start> {
  /** Version of this definition, a whole number from 1; say a higher one whenever steps change. Sagas under way go on with the new one. Default 1. */
  readonly version?: number
  /** What starts one. Where one of this key is under way, it is a duplicate and counts as handled; where it has ended, another one begins. */
  readonly startsWith: DefinitionOf<Start> | readonly DefinitionOf<Start>[]
  /** Which saga an event is about: the key, or undefined for none. Pure. Per tenant. Default: the event's own key. */
  readonly correlate?: (event: Event<Anything>) => string | undefined
  /** How long it may take from its start; then it compensates. Default: what the bus says, 1 h where it says nothing. */
  readonly timeout?: Duration | 'never'
  /** How long the document of one that has ended is kept, so that late events are known to be late. Default 30 d. */
  readonly keep?: Duration | 'forever'
  /** Where a saga that is new to the store begins to listen. Default `head`: it acts on the world, so history starts none. */
  readonly from?: 'head' | 'beginning' | number | Date
  /** Most events handled at once in this process. Default 10. */
  readonly concurrency?: number
  /** Makes of what a saga of an earlier version has done what this version knows: for steps that were renamed or taken away. Pure. */
  readonly migrate?: (old: Migrated, fromVersion: number) => Migrated
  /**
   * Events that the next version will hear and this one does not: they wait (*needs upgrade*) until a process with that version takes over. Deploy this
   * before the next version where old and new processes run side by side.
   */
  readonly nextHears?: AnyEventDefinition | readonly AnyEventDefinition[]
  /** One sentence for the catalogue. */
  readonly description?: string
}

/** How often a call that throws is made again. */
export interface CallRetryOptions {
  /** All tries, the first included. Default 3 for steps, 10 for compensations. A `PermanentError` ends them, an `UnavailableError` costs none. */
  readonly tries?: number
  /** Waits between them, kept by the store. Default exponential: 1 s, 2 s, 4 s … up to 5 min, ± 20 %. */
  readonly backoff?: Backoff
}

export interface StepOptions<Data> {
  /** Does it: publishes, writes, calls outside under `saga.stepId`. What it returns (JSON data) is kept in `saga.results`. */
  readonly run: (saga: SagaContext<Data>) => unknown
  /** The step is done when such an event is heard, not when `run` has returned. */
  readonly waitFor?: {
    readonly event: AnyEventDefinition | readonly AnyEventDefinition[]
    /** Whether it is this one, by its data. Pure. Default: any of this saga's key. */
    readonly match?: (data: Anything, saga: SagaView<Data>) => boolean
    /** From the end of `run`; then the saga compensates. Default: as long as the saga may take. */
    readonly timeout?: Duration
  }
  /** Takes it back. Registered before `run` is called, so it must accept that the step never happened. */
  readonly compensate?: (saga: SagaContext<Data>) => unknown
  readonly retry?: CallRetryOptions
  /** The same for `compensate`. After the last try the saga is stuck until an operator says otherwise. */
  readonly retryCompensation?: CallRetryOptions
  /** How long one call of `run` or `compensate` may take, 1 ms to 24 h. Default 30 s. */
  readonly timeout?: Duration
}

/** One step, made by `step`. */
export interface SagaStep<Data> {
  readonly name: string
  readonly options: StepOptions<Data>
}

/** Steps that run side by side, made by `parallel`. */
export interface ParallelSteps<Data> {
  readonly parallel: readonly SagaStep<Data>[]
}

export interface StepSagaOptions<Start> extends SagaCommonOptions<Start> {
  /** In this order. Compensations run in the reverse order of what was begun. */
  readonly steps: readonly (SagaStep<NoInfer<Start>> | ParallelSteps<NoInfer<Start>>)[]
}

/** A reaction of a saga, made by the `on` that `reacts` is given. */
export interface SagaReaction {
  readonly events: readonly AnyEventDefinition[]
  readonly react: (state: Anything, event: Event<Anything>, saga: ReactionContext<Anything>) => unknown
}

/** A reaction to events of one type or several: answers the next state, or nothing to leave it as it is. */
export type SagaOn<Start, State> = <const Definition extends AnyEventDefinition | readonly AnyEventDefinition[]>(
  events: Definition,
  react: (
    state: State,
    event: Event<DataOf<Definition extends readonly (infer One)[] ? One : Definition>>,
    saga: ReactionContext<Start>,
  ) => unknown,
) => SagaReaction

export interface ReactingSagaOptions<Start, State> extends SagaCommonOptions<Start> {
  /** The state that a new one begins with: JSON data. */
  readonly state: (event: Event<Start>) => State
  /** `(on) => [on(Event, (state, event, saga) => next state), …]`: one reaction for each type of event. */
  readonly reacts: (on: SagaOn<NoInfer<Start>, NoInfer<State>>) => readonly SagaReaction[]
  /** Reactions to the timers that `saga.after` sets. */
  readonly timers?: Readonly<Record<string, (state: NoInfer<State>, saga: ReactionContext<NoInfer<Start>>) => unknown>>
  /** Reactions to what operators and programs signal. */
  readonly signals?: Readonly<
    Record<string, (state: NoInfer<State>, data: Json, saga: ReactionContext<Start>) => unknown>
  >
  /** By the name of the effect that they take back. */
  readonly compensate?: Readonly<Record<string, (saga: SagaContext<NoInfer<Start>>) => unknown>>
  /** How often a reaction that throws runs again, and how often a compensation does. Default 10 tries. */
  readonly retry?: CallRetryOptions
}

/** A saga, as its author says it. `bus.use` brings it along. */
export interface SagaDefinition extends Attachment {
  readonly kind: 'saga'
  readonly plan: SagaPlan
}

/**
 * Defines a saga: what starts it, its steps, what takes them back. One subscription `saga.<name>` hears all that concerns it; its state is one document a key,
 * changed only in the unit that marks an event handled, or before and after a call outside. Throws `TIDINGS_INVALID_OPTION` naming every mistake at once.
 */
export function defineSaga<Start>(name: string, options: StepSagaOptions<Start>): SagaDefinition
/** A saga that keeps a state of its own and reacts to events. */
export function defineSaga<Start, State>(name: string, options: ReactingSagaOptions<Start, State>): SagaDefinition
export function defineSaga(
  name: string,
  options: StepSagaOptions<Anything> | ReactingSagaOptions<Anything, Anything>,
): SagaDefinition {
  const plan = planOf(name, options as unknown as Parameters<typeof planOf>[1])
  return Object.freeze({
    kind: 'saga' as const,
    name: subscriptionOfSaga(name),
    plan,
    attach: (bus: Parameters<Attachment['attach']>[0]) => attachSaga(bus, plan),
  })
}

/** One step of a saga. Its name is what sagas under way know it by: keep it when the definition changes. */
export function step<Data = Anything>(name: string, options: StepOptions<Data>): SagaStep<Data> {
  return { name, options }
}

/** Steps that begin together; what follows waits for all of them. */
export function parallel<Data = Anything>(...steps: readonly SagaStep<Data>[]): ParallelSteps<Data> {
  return { parallel: steps }
}
