import type { EventContext } from '../events/event.ts'
import { TidingsError } from '../kernel/errors.ts'
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

/** Most members of a business context: what is published here must stay within what is read anywhere. */
const most = 200

function checkedBusiness(business: unknown): EventContext['business'] {
  if (typeof business !== 'object' || business === null || Array.isArray(business))
    throw refuse('business', 'must be an object')
  const members = Object.entries(business as Readonly<Record<string, unknown>>)
  if (members.length > most) throw refuse('business', `must not hold more than ${most} members`)
  for (const [name, value] of members) {
    attribute('business', name)
    const field = `business.${name.slice(0, 80)}`
    if (name === '__proto__') throw refuse(field, 'is a name that contexts must not carry')
    if (typeof value === 'string') attribute(field, value)
    else if (typeof value !== 'boolean' && !(typeof value === 'number' && Number.isFinite(value)))
      throw refuse(field, 'must be text, a finite number, true or false')
  }
  return Object.freeze(Object.fromEntries(members)) as EventContext['business']
}

function refuse(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_EVENT', `\`${field}\` ${rule}.`, { details: { field, rule } })
}
