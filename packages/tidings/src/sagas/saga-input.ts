import type { Json } from '../events/plain.ts'

/** An event that a saga's subscription has heard, as the state machine sees it. */
export interface HeardEvent {
  readonly type: string
  /** source/id. */
  readonly event: string
  readonly data: Json
}

/** How a call has ended. */
export type CallOutcome =
  | { readonly ok: true; readonly result?: Json }
  | {
      readonly ok: false
      readonly error: string
      readonly permanent: boolean
      /** What it calls cannot be reached: that says nothing about the step, so no try is spent. */
      readonly unavailable?: boolean
      /** Whoever failed named the wait, in milliseconds. */
      readonly after?: number
    }

/** Everything that can happen to a saga. */
export type SagaInput =
  | {
      readonly kind: 'start'
      readonly correlation?: string
      readonly user?: string
      /** Of a saga that reacts: the state it begins with. */
      readonly state?: Json
    }
  | { readonly kind: 'event' }
  | { readonly kind: 'due'; readonly run: number; readonly timer: string; readonly seq: number }
  | {
      readonly kind: 'called'
      readonly step: string
      readonly direction: 'run' | 'undo'
      readonly outcome: CallOutcome
    }
  /** Of a saga that reacts: this effect is about to be called. */
  | { readonly kind: 'effect'; readonly name: string; readonly compensated: boolean }
  /** Of a saga that reacts: what its function has made of the event. */
  | {
      readonly kind: 'reacted'
      readonly state: Json
      readonly set: readonly { readonly name: string; readonly at: number }[]
      readonly drop: readonly string[]
      readonly end?: { readonly as: 'done' } | { readonly as: 'failed'; readonly message: string }
    }
  /** This event was heard before, and whoever handled it is gone: what it was about to call is called again. */
  | { readonly kind: 'again' }
  | { readonly kind: 'cancel'; readonly run: number; readonly by: string; readonly why?: string }
  /** A stuck one goes on; `skip`: what has failed to compensate counts as taken back by hand. */
  | { readonly kind: 'resume'; readonly run: number; readonly skip: boolean }
  /** What waits for another try is tried now. */
  | { readonly kind: 'retry'; readonly run: number; readonly step?: string }
  /** A step that waits for an event has it by somebody's word. */
  | { readonly kind: 'signal'; readonly run: number; readonly step: string; readonly data: Json }

/** The circumstances. */
export interface Moment {
  readonly now: number
  /** The event that is handled. */
  readonly heard: HeardEvent
  /** A number in [0, 1), for jitter. */
  readonly chance: () => number
}

/** What was not the usual course, for logs and counters. */
export type Remark =
  | 'started'
  | 'duplicate'
  | 'late'
  | 'unawaited'
  | 'remembered'
  | 'overfull'
  | 'stale'
  | 'refused'
  | 'done'
  | 'compensating'
  | 'compensated'
  | 'stuck'

export interface Transition<Document> {
  /** The very same object where nothing has changed. */
  readonly document: Document
  readonly remarks: readonly Remark[]
}
