import { currentContext } from '../events/ambient-context.ts'
import { contextNames } from '../events/context-names.ts'
import type { EventDraft } from '../events/define-event.ts'
import { buildEvent, type Event, type EventContext, type Priority, priorities } from '../events/event.ts'
import { plain, type Weighed } from '../events/plain.ts'
import { TidingsError } from '../kernel/errors.ts'
import { nameGuard } from '../kernel/mistakes.ts'
import type { Runtime } from '../kernel/runtime.ts'
import { attribute } from './attributes.ts'
import { completeContext } from './complete-context.ts'
import { validate } from './validate.ts'

/** What a publisher may say of one event beside its data. */
export interface Stamp extends EventContext {
  /** The event's id, where the caller has one; unique with `source` for ever. Default: a new UUID v7. */
  readonly id?: string
  /** Milliseconds since 1970; default now. */
  readonly timestamp?: number
  /** Default: what the definition says. */
  readonly priority?: Priority
}

export interface PrepareOptions {
  readonly runtime: Runtime
  readonly source: string
  /** Whether schemas are checked at publish. */
  readonly validate: boolean
}

/**
 * What happens to a draft before it is written, in this order: surroundings → validation → plain data → attributes → envelope. A promise only
 * where a schema is asynchronous.
 */
export function prepare(
  draft: EventDraft,
  stamp: Stamp,
  options: PrepareOptions,
): Event<unknown> | Promise<Event<unknown>> {
  if (typeof (draft as EventDraft | null | undefined)?.definition?.create !== 'function') throw noDraft()
  // The surroundings are read before anything may leave this turn.
  const ambient = currentContext()
  const checked = options.validate ? validate(draft.definition, draft.data) : draft.data
  return checked instanceof Promise
    ? checked.then((data: unknown) => build(draft, data, stamp, ambient, options))
    : build(draft, checked, stamp, ambient, options)
}

/** One for all: it is read before anything else can weigh. */
const scale: Weighed = { weight: 0 }

function build(
  draft: EventDraft,
  checked: unknown,
  stamp: Stamp,
  ambient: EventContext | undefined,
  options: PrepareOptions,
): Event<unknown> {
  const { definition } = draft
  const { runtime } = options
  const data = plain(checked, scale)
  const { weight } = scale
  const said = isEmpty(draft.context) ? stamp : { ...contextOf(draft), ...stamp }
  const timestamp = stamp.timestamp === undefined ? runtime.now() : checkedTime(stamp.timestamp)
  const key = keyOf(draft, data)
  // Drawing an id costs more than the rest of the envelope together, so it waits until somebody reads it.
  const id =
    stamp.id !== undefined
      ? attribute('id', stamp.id)
      : key === undefined
        ? runtime.id(timestamp)
        : () => runtime.id(timestamp)
  return buildEvent({
    id,
    source: options.source,
    type: definition.type,
    version: definition.version,
    category: definition.category,
    key: key ?? (id as string),
    timestamp,
    priority: stamp.priority === undefined ? definition.priority : checkedPriority(stamp.priority),
    legacy: definition.version === '',
    context: completeContext(said, ambient),
    data,
    weight,
  })
}

const refuseUnknown = nameGuard(contextNames)

function contextOf({ context }: EventDraft): EventContext {
  refuseUnknown('Cannot publish', context, 'context.')
  return context
}

/** What publishers must hand over. */
export function noDraft(): TidingsError {
  return refuse('event', 'must be a definition with its data, or what its `create` returns, or a list of those')
}

/** Before the year 10000, which RFC 3339 cannot write. */
const endOfTime = 253_402_300_800_000

function checkedTime(time: unknown): number {
  if (typeof time === 'number' && Number.isSafeInteger(time) && time >= 0 && time < endOfTime) return time
  throw refuse('timestamp', 'must be whole milliseconds since 1970, before the year 10000')
}

function checkedPriority(priority: Priority): Priority {
  if (priorities.includes(priority)) return priority
  throw refuse('priority', `must be one of ${priorities.join(', ')}`)
}

function refuse(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_EVENT', `\`${field}\` ${rule}.`, { details: { field, rule } })
}

/** By the definition; else `data.id`; undefined: the event is a stream of its own. */
function keyOf(draft: EventDraft, data: unknown): string | undefined {
  const { keyOf: byDefinition, type } = draft.definition
  if (byDefinition === undefined) {
    const own = typeof data === 'object' && data !== null ? (data as { id?: unknown }).id : undefined
    return typeof own === 'string' ? attribute('key', own) : undefined
  }
  let key: unknown
  try {
    key = byDefinition(data)
  } catch (error) {
    throw new TidingsError(
      'TIDINGS_INVALID_DATA',
      `The data of ${type} yields no \`key\`: the definition's key function threw.`,
      {
        cause: error,
        details: { type, field: 'key' },
      },
    )
  }
  return attribute('key', key)
}

function isEmpty(context: EventContext): boolean {
  for (const _ in context) return false
  return true
}
