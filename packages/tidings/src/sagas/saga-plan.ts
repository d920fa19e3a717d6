import type { AnyEventDefinition } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import type { Json } from '../events/plain.ts'
import type { Backoff } from '../resilience/backoff.ts'
import type { ReactionContext, SagaContext } from './saga-context.ts'
import type { SagaView } from './saga-view.ts'

// biome-ignore lint/suspicious/noExplicitAny: a plan holds what users wrote for data of any type.
// oxlint-disable-next-line typescript/no-explicit-any
type Anything = any

/** One step, as the engine sees it. Times in milliseconds. */
export interface StepPlan {
  readonly name: string
  readonly run: (saga: SagaContext<Anything>) => unknown
  readonly undo: ((saga: SagaContext<Anything>) => unknown) | undefined
  readonly wait: WaitPlan | undefined
  readonly calls: CallPlan
  readonly undoCalls: CallPlan
}

export interface WaitPlan {
  readonly types: readonly string[]
  readonly match: ((data: Anything, saga: SagaView<Anything>) => boolean) | undefined
  /** Undefined: as long as the saga lasts. */
  readonly timeout: number | undefined
}

export interface CallPlan {
  readonly tries: number
  readonly backoff: Backoff | undefined
  readonly timeout: number
}

export type Reaction = (state: Anything, event: Event<Anything>, saga: ReactionContext<Anything>) => unknown
export type TimerReaction = (state: Anything, saga: ReactionContext<Anything>) => unknown
export type SignalReaction = (state: Anything, data: Json, saga: ReactionContext<Anything>) => unknown

/** A definition with every default filled in. */
export interface SagaPlan {
  readonly name: string
  readonly version: number
  readonly description: string | undefined
  readonly starts: readonly AnyEventDefinition[]
  /** Every event that it hears, beside its own. */
  readonly hears: readonly AnyEventDefinition[]
  /** What a later version will hear, and this one sets aside for it. */
  readonly nextHears: readonly AnyEventDefinition[]
  /** Undefined: the event is about no saga. Throws what the user's function throws. */
  keyOf(event: Event<Anything>): unknown
  /** Undefined: what the bus says. */
  readonly timeout: number | undefined
  readonly keep: number
  readonly from: 'head' | 'beginning' | number | Date
  readonly concurrency: number | undefined
  /** In order; those of one stage run side by side. Empty for a saga that reacts. */
  readonly stages: readonly (readonly StepPlan[])[]
  readonly steps: ReadonlyMap<string, StepPlan>
  readonly reacts: ReactsPlan | undefined
  readonly migrate: ((old: Migrated, fromVersion: number) => Migrated) | undefined
}

export interface ReactsPlan {
  readonly initial: (event: Event<Anything>) => unknown
  readonly on: ReadonlyMap<string, Reaction>
  readonly timers: ReadonlyMap<string, TimerReaction>
  readonly signals: ReadonlyMap<string, SignalReaction>
  /** By the effect that they take back. */
  readonly compensate: ReadonlyMap<string, (saga: SagaContext<Anything>) => unknown>
  readonly calls: CallPlan
}

/** What an upcaster of sagas may change: names and results of steps, and the saga's own state. */
export interface Migrated {
  readonly steps: Readonly<Record<string, unknown>>
  readonly results: Readonly<Record<string, Json>>
  readonly heard: Readonly<Record<string, Json>>
  readonly begun: readonly string[]
  readonly state?: Json
}

/** How a step, or the compensation of an effect, is called in either direction. */
export function callOf(
  plan: SagaPlan,
  name: string,
  direction: 'run' | 'undo',
): { readonly call: ((saga: SagaContext<Anything>) => unknown) | undefined; readonly how: CallPlan } | undefined {
  const step = plan.steps.get(name)
  if (step !== undefined)
    return direction === 'run' ? { call: step.run, how: step.calls } : { call: step.undo, how: step.undoCalls }
  const { reacts } = plan
  return reacts === undefined || direction === 'run'
    ? undefined
    : { call: reacts.compensate.get(name), how: reacts.calls }
}
