import type { Json } from './plain.ts'

/** Urgency. It orders what waits; it never lets two events of one stream overtake each other. Default `normal`. */
export type Priority = 'critical' | 'high' | 'normal' | 'low'

/** Most urgent first; the index is the rank that stores keep. */
export const priorities: readonly Priority[] = ['critical', 'high', 'normal', 'low']

export const priorityRank: Readonly<Record<Priority, number>> = { critical: 0, high: 1, normal: 2, low: 3 }

/** Where an event comes from and what it belongs to. All values are primitives, so an event outlives the things it names. */
export interface EventContext {
  /** Whose data this is. Part of the stream's name: equal keys of two tenants are two streams. */
  readonly tenantId?: string
  /** Who did it, when a person did. */
  readonly userId?: string
  readonly sessionId?: string
  readonly locationId?: string
  /** Who or what acted, as `kind:id`; default `user:<userId>` where a user is known, else `system`. */
  readonly actor?: string
  /** One id for all that follows from one cause; default the id of the first event. */
  readonly correlationId?: string
  /** The id of the event that led to this one. */
  readonly causationId?: string
  /** W3C Trace Context of the creation of this event. */
  readonly traceparent?: string
  readonly tracestate?: string
  /** Facts of the business that belong to no field above, such as a campaign or a channel. */
  readonly business?: Readonly<Record<string, string | number | boolean>>
  /** Attributes of an event from elsewhere that have no field here, by their CloudEvents names; kept for whoever reads it next. */
  readonly extensions?: Readonly<Record<string, string | number | boolean>>
}

/** A fact that happened. Frozen through and through; what a handler receives is what every other handler receives. */
export interface Event<Data = Json> {
  /** UUID v7, drawn when first looked at. With `source` it is unique for ever. */
  readonly id: string
  /** The service that published it, a URI reference such as `/auth`. */
  readonly source: string
  /** Name of the fact in past tense, such as `order.placed`. */
  readonly type: string
  /** Semantic version of the shape of `data`. */
  readonly version: string
  /** The kind of thing it is about, such as `order`. */
  readonly category: string
  /** Which one of them. Tenant, category and key name the stream. */
  readonly key: string
  /** When it happened: milliseconds since 1970. */
  readonly timestamp: number
  /** The same as text, RFC 3339 in UTC. */
  readonly time: string
  readonly priority: Priority
  /** True where the publisher named no version: shape and meaning are as its consumers remember them. */
  readonly legacy: boolean
  readonly context: EventContext
  readonly data: Data
}

/** What an event is made from. */
export interface EventParts<Data> {
  readonly id: string | (() => string)
  readonly source: string
  readonly type: string
  readonly version: string
  readonly category: string
  readonly key: string
  readonly timestamp: number
  readonly priority: Priority
  readonly legacy?: boolean
  readonly context: EventContext
  /** Already plain and frozen (see `plain`). */
  readonly data: Data
  /** At most how many bytes the data takes as JSON text; default: nobody knows. */
  readonly weight?: number
}

/**
 * Builds the one envelope for versioned and legacy events alike. `id` and `time` become text when first read; a context that names no
 * correlation gets the event's own id as its correlation, and one that names no actor its user or `system`.
 */
export function buildEvent<Data>(parts: EventParts<Data>): Event<Data> {
  return new Envelope(parts)
}

/** The context, whose correlation may still be unsaid: for code that must not be the first to draw the event's id. */
export function contextAsGiven(event: Event<unknown>): EventContext {
  return Envelope.contextAsGiven(event)
}

/** At most how many bytes the event's data takes as JSON text; Infinity where nobody knows. */
export function weightOf(event: Event<unknown>): number {
  return Envelope.weightOf(event)
}

class Envelope<Data> implements Event<Data> {
  readonly source: string
  readonly type: string
  readonly version: string
  readonly category: string
  readonly key: string
  readonly timestamp: number
  readonly priority: Priority
  readonly legacy: boolean
  readonly data: Data
  #id: string | (() => string)
  #time: string | undefined
  readonly #context: EventContext
  #whole: EventContext | undefined
  readonly #weight: number

  constructor(parts: EventParts<Data>) {
    this.source = parts.source
    this.type = parts.type
    this.version = parts.version
    this.category = parts.category
    this.key = parts.key
    this.timestamp = parts.timestamp
    this.priority = parts.priority
    this.legacy = parts.legacy ?? false
    this.data = parts.data
    this.#id = parts.id
    this.#context = parts.context
    this.#weight = parts.weight ?? Number.POSITIVE_INFINITY
    Object.freeze(this)
  }

  get id(): string {
    if (typeof this.#id === 'function') this.#id = this.#id()
    return this.#id
  }

  get time(): string {
    this.#time ??= new Date(this.timestamp).toISOString()
    return this.#time
  }

  get context(): EventContext {
    this.#whole ??= wholeContext(this.#context, this)
    return this.#whole
  }

  static contextAsGiven(event: Event<unknown>): EventContext {
    return #context in event ? (event as Envelope<unknown>).#context : event.context
  }

  static weightOf(event: Event<unknown>): number {
    return #weight in event ? (event as Envelope<unknown>).#weight : Number.POSITIVE_INFINITY
  }

  toJSON(): unknown {
    const { id, source, type, version, category, key, time, priority, context, data } = this
    return { id, source, type, version, category, key, time, priority, context, data }
  }
}

/** What is kept stays as it was given: bytes must not depend on whether somebody has looked. */
function wholeContext(given: EventContext, event: { readonly id: string }): EventContext {
  const { userId, actor = userId === undefined ? 'system' : `user:${userId}` } = given
  return Object.freeze({ ...given, actor, correlationId: given.correlationId ?? event.id })
}
