import type { EventContext } from '../events/event.ts'
import { attribute, optionalAttribute } from './attributes.ts'

const names = [
  'tenantId',
  'userId',
  'sessionId',
  'locationId',
  'actor',
  'correlationId',
  'causationId',
  'traceparent',
  'tracestate',
] as const

const empty: EventContext = Object.freeze({})

/** One checked, frozen context: what the caller said, over what the surroundings say. */
export function completeContext(said: EventContext, ambient: EventContext | undefined): EventContext {
  if (ambient === undefined && isEmpty(said)) return empty
  const context: Record<string, unknown> = {}
  let filled = false
  for (const name of names) {
    const value = said[name] ?? ambient?.[name]
    if (value === undefined) continue
    context[name] = optionalAttribute(name, value)
    filled = true
  }
  const business = said.business ?? ambient?.business
  if (business !== undefined) {
    context.business = checkedBusiness(business)
    filled = true
  }
  if (context.actor === undefined && context.userId !== undefined) context.actor = `user:${context.userId as string}`
  return filled ? Object.freeze(context) : empty
}

function isEmpty(said: object): boolean {
  for (const _ in said) return false
  return true
}

function checkedBusiness(business: Readonly<Record<string, unknown>>): EventContext['business'] {
  const copy: Record<string, string | number | boolean> = Object.create(null) as Record<string, never>
  for (const [name, value] of Object.entries(business)) {
    attribute('business', name)
    if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) copy[name] = value
    else copy[name] = attribute(`business.${name.slice(0, 80)}`, value)
  }
  return Object.freeze({ ...copy })
}
