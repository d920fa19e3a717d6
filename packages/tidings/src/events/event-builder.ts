import { TidingsError } from '../kernel/errors.ts'
import { type AnyEventDefinition, defineEvent, type EventDraft } from './define-event.ts'
import type { EventContext, Priority } from './event.ts'

/**
 * Says one event step by step. Every step returns a new builder and leaves the one it was called on as it was, so a half-said event can be shared.
 * What is said twice counts as said last.
 */
export interface EventBuilder<Data = undefined> {
  /** Semantic version of the data's shape. Default '1.0.0', or what the definition says. */
  version(version: string): EventBuilder<Data>
  userContext(userId: string, sessionId?: string): EventBuilder<Data>
  locationId(locationId: string): EventBuilder<Data>
  /** Who or what acted, as `kind:id`. */
  actor(actor: string): EventBuilder<Data>
  correlationId(correlationId: string): EventBuilder<Data>
  causationId(causationId: string): EventBuilder<Data>
  /** W3C Trace Context. */
  trace(traceparent: string, tracestate?: string): EventBuilder<Data>
  business(business: NonNullable<EventContext['business']>): EventBuilder<Data>
  priority(priority: Priority): EventBuilder<Data>
  data<Said>(data: Said): EventBuilder<Said>
  /** The event, ready to publish. Throws `TIDINGS_INVALID_OPTION` naming what is missing or wrong; values are checked at publish. */
  build(): EventDraft<Data, Data>
}

interface Said {
  readonly type: string | AnyEventDefinition
  readonly key: string
  readonly category: string
  readonly version?: string
  readonly priority?: Priority
  readonly context: EventContext
  readonly data?: { readonly value: unknown }
}

/**
 * An event of the aggregate `aggregateId`, which is of kind `aggregateType`: together with the tenant they name its stream. With a definition in
 * place of the type's name, data is checked against its schema at publish.
 */
export function eventBuilder(
  type: string | AnyEventDefinition,
  aggregateId: string,
  aggregateType: string,
  tenantId: string,
): EventBuilder {
  return builderOf({ type, key: aggregateId, category: aggregateType, context: { tenantId } })
}

/**
 * An event without a version, in the same envelope as all others: `version` is empty and `legacy` is true. Its key is `data.id` where that is text,
 * else it is a stream of its own.
 */
export function legacyEvent<Data>(type: string, data: Data, context: EventContext = {}): EventDraft<Data, Data> {
  return draftOf({ ...defineEvent(type), version: '' }, data, context)
}

function builderOf<Data>(said: Said): EventBuilder<Data> {
  const say = (more: Partial<Said>): EventBuilder<Data> => builderOf({ ...said, ...more })
  const context = (more: EventContext): EventBuilder<Data> => say({ context: { ...said.context, ...more } })
  return {
    version: (version) => say({ version }),
    userContext: (userId, sessionId) => context(sessionId === undefined ? { userId } : { userId, sessionId }),
    locationId: (locationId) => context({ locationId }),
    actor: (actor) => context({ actor }),
    correlationId: (correlationId) => context({ correlationId }),
    causationId: (causationId) => context({ causationId }),
    trace: (traceparent, tracestate) =>
      context(tracestate === undefined ? { traceparent } : { traceparent, tracestate }),
    business: (business) => context({ business }),
    priority: (priority) => say({ priority }),
    data: (value) => builderOf({ ...said, data: { value } }),
    build: () => build<Data>(said),
  }
}

function build<Data>(said: Said): EventDraft<Data, Data> {
  const { type, key, category, version, priority } = said
  const name = typeof type === 'string' ? type : type.type
  if (said.data === undefined) throw refuse(name, 'data', 'be said before build()')
  if (typeof key !== 'string' || key === '') throw refuse(name, 'aggregateId', 'be text that is not empty')
  if (typeof type !== 'string' && version !== undefined && version !== type.version)
    throw refuse(name, 'version', `be ${type.version}, as the definition says`)
  // Also checks type, category, version and priority, and names every mistake.
  const own = defineEvent(name, {
    category,
    version: version ?? (typeof type === 'string' ? '1.0.0' : type.version),
    ...(priority === undefined ? {} : { priority }),
  })
  const base = typeof type === 'string' ? own : { ...type, category, priority: priority ?? type.priority }
  return draftOf({ ...base, keyOf: () => key }, said.data.value as Data, said.context)
}

function draftOf<Data>(parts: AnyEventDefinition, data: Data, context: EventContext): EventDraft<Data, Data> {
  const definition: AnyEventDefinition = Object.freeze({
    ...parts,
    create: (input: unknown, given: EventContext = {}) => ({ definition, data: input, context: given }),
  })
  return { definition, data, context }
}

function refuse(type: string, field: string, rule: string): TidingsError {
  return new TidingsError(
    'TIDINGS_INVALID_OPTION',
    `Cannot build event ${JSON.stringify(type)}: expected \`${field}\` to ${rule}.`,
    {
      details: { type, field, rule },
    },
  )
}
