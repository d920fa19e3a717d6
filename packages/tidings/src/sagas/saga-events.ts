import { type AnyEventDefinition, defineEvent } from '../events/define-event.ts'
import type { Json } from '../events/plain.ts'
import { internalPrefix } from '../events/type-pattern.ts'

/** A timer of a saga is due. */
export interface SagaDue {
  readonly saga: string
  readonly key: string
  readonly run: number
  readonly timer: string
  readonly seq: number
}

/** An operator, or a program, asks something of a saga. */
export interface SagaAsked {
  readonly saga: string
  readonly key: string
  readonly run: number
  readonly by: string
  readonly ask:
    | { readonly what: 'cancel'; readonly why?: string }
    | { readonly what: 'resume'; readonly skip: boolean }
    | { readonly what: 'retry'; readonly step?: string }
    | { readonly what: 'signal'; readonly name: string; readonly data: Json }
}

/** The events that a saga's own subscription alone hears: they leave by no relay, and no wildcard matches them. */
export interface SagaEvents {
  readonly due: AnyEventDefinition
  readonly asked: AnyEventDefinition
}

/** Long enough to be looked at after a bad week. */
const retention = '30d'

export function sagaEvents(saga: string): SagaEvents {
  const key = (data: { readonly key: string }): string => data.key
  return {
    due: defineEvent<SagaDue>(`${internalPrefix}saga.${saga}.due`, { key, retention, priority: 'high' }),
    asked: defineEvent<SagaAsked>(`${internalPrefix}saga.${saga}.asked`, { key, retention, priority: 'high' }),
  }
}

/** The name of a saga's subscription. */
export function subscriptionOfSaga(saga: string): string {
  return `saga.${saga}`
}
