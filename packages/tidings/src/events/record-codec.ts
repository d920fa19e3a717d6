import { TidingsError } from '../kernel/errors.ts'
import {
  type CompressOptions,
  compressData,
  type DecodeLimits,
  decodeData,
  decodeJson,
  encodeData,
} from './data-codec.ts'
import { buildEvent, contextAsGiven, type Event, type EventContext, priorities, priorityRank } from './event.ts'
import { checksumOf, type EventRecord } from './record.ts'

export interface RecordOptions {
  /** True where the event's id was drawn for this very call. */
  readonly fresh?: boolean
  /** Signs a checksum (see `createSealer`). Default: no seal. */
  readonly seal?: (checksum: string) => string
}

/**
 * The record of an event. Its id, data, context, checksum and seal are worked out when first read, once: a store that keeps the event
 * itself never pays for them.
 */
export function recordOf(event: Event<unknown>, options: RecordOptions = {}): EventRecord {
  return new LazyRecord(event, options.fresh ?? false, options.seal)
}

/**
 * The event of a record: the one it was made from where it never left the process, else decoded within `limits`. Throws
 * `TIDINGS_UNDECODABLE` naming what cannot be read. Does not verify the checksum; see `verifyChecksum`.
 */
export function eventOf(record: EventRecord, limits?: DecodeLimits): Event<unknown> {
  return (
    record.event ??
    (record.data === '' ? wholes.get(record) : undefined) ??
    buildEvent({
      id: record.id,
      source: record.source,
      type: record.type,
      version: record.version,
      category: record.category,
      key: record.key,
      timestamp: record.time,
      priority: priorities[record.priority] ?? 'normal',
      legacy: record.version === '',
      context: contextOf(record),
      data: decodeData(record, limits),
    })
  )
}

/** Events of records whose data is kept apart, for as long as this process holds the record. */
const wholes = new WeakMap<EventRecord, Event<unknown>>()

/** What `eventOf` answers of a record that does not hold its own data. */
export function rememberWhole(record: EventRecord, event: Event<unknown>): void {
  wholes.set(record, event)
}

/** Whether `eventOf` answers the whole event without looking at the record's data. */
export function isKnownWhole(record: EventRecord): boolean {
  return record.event !== undefined || wholes.has(record)
}

/** Throws `TIDINGS_CHECKSUM_MISMATCH` where a record is not what it was when it was made. */
export function verifyChecksum(record: EventRecord): void {
  // Nothing can have happened to a record that computes its checksum from itself.
  if (record instanceof LazyRecord) return
  if (record.checksum === checksumOf(record)) return
  throw new TidingsError(
    'TIDINGS_CHECKSUM_MISMATCH',
    `The checksum of event ${record.id.slice(0, 80)} does not match its attributes and data.`,
    {
      details: { id: record.id, source: record.source, type: record.type },
    },
  )
}

/** The record with its data compressed and a checksum over what is now stored; the same record where compressing would not pay. */
export async function compressRecord(
  record: EventRecord,
  options: CompressOptions & Pick<RecordOptions, 'seal'> = {},
): Promise<EventRecord> {
  // Data of another content type travels as what it is, and compression would hide which.
  const { extensions } = contextOf(record)
  if (extensions?.datacontenttype !== undefined || extensions?.data_base64 !== undefined) return record
  const compressed = await compressData(record, options)
  if (compressed === undefined) return record
  const changed = { ...plainRecord(record), ...compressed }
  const checksum = checksumOf(changed)
  return { ...changed, checksum, seal: options.seal?.(checksum) ?? '' }
}

/** All fields worked out, as an object of its own: for what copies, compares or keeps records beyond the process. */
export function plainRecord(record: EventRecord): EventRecord {
  return {
    id: record.id,
    source: record.source,
    type: record.type,
    version: record.version,
    category: record.category,
    key: record.key,
    tenant: record.tenant,
    time: record.time,
    priority: record.priority,
    correlation: record.correlation,
    causation: record.causation,
    context: record.context,
    data: record.data,
    encoding: record.encoding,
    checksum: record.checksum,
    seal: record.seal,
    ...(record.event === undefined ? undefined : { event: record.event }),
    ...(record.fresh === undefined ? undefined : { fresh: record.fresh }),
  }
}

/** The members of a context that have no column of their own, as JSON text in a fixed order; empty where there are none. */
export function contextText(context: EventContext): string {
  const { userId, sessionId, locationId, actor, traceparent, tracestate, business, extensions } = context
  const said = userId ?? sessionId ?? locationId ?? actor ?? traceparent ?? tracestate ?? business ?? extensions
  if (said === undefined || said === null) return ''
  const text = JSON.stringify({
    userId,
    sessionId,
    locationId,
    actor,
    traceparent,
    tracestate,
    business,
    extensions: sorted(extensions),
  })
  return text === '{}' ? '' : text
}

/** The context of a record as its handlers see it. Throws `TIDINGS_UNDECODABLE` where its text is broken. */
export function contextOf(record: Pick<EventRecord, 'tenant' | 'correlation' | 'causation' | 'context'>): EventContext {
  const context: Record<string, unknown> = {}
  if (record.tenant !== '') context.tenantId = record.tenant
  if (record.context !== '') {
    const members = decodeJson(record.context, 'context', contextLimits)
    if (!isObject(members)) throw undecodable('context', 'must be a JSON object')
    // Only what belongs here: a text that names a tenant must not become the tenant.
    for (const name of textMembers) {
      const member = members[name]
      if (member === undefined) continue
      if (typeof member !== 'string') throw undecodable(`context.${name}`, 'must be text')
      context[name] = member
    }
    for (const name of ['business', 'extensions']) {
      const member = members[name]
      if (member === undefined) continue
      if (!isObject(member)) throw undecodable(`context.${name}`, 'must be an object')
      context[name] = member
    }
  }
  if (record.correlation !== '') context.correlationId = record.correlation
  if (record.causation !== '') context.causationId = record.causation
  return Object.freeze(context)
}

const contextLimits: DecodeLimits = { maxBytes: 1_048_576, maxDepth: 2, maxMembers: 10_000 }

const textMembers = ['userId', 'sessionId', 'locationId', 'actor', 'traceparent', 'tracestate'] as const

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Sorted, because headers arrive in any order and the checksum covers this text; absent where empty. */
function sorted<Value>(members: Readonly<Record<string, Value>> | undefined): Record<string, Value> | undefined {
  if (members === undefined) return undefined
  const entries = Object.entries(members)
  return entries.length === 0 ? undefined : Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function undecodable(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_UNDECODABLE', `\`${field}\` ${rule}.`, { details: { field, rule } })
}

class LazyRecord implements EventRecord {
  readonly source: string
  readonly type: string
  readonly version: string
  readonly category: string
  readonly key: string
  readonly tenant: string
  readonly time: number
  readonly priority: number
  readonly causation: string
  readonly encoding = ''
  readonly event: Event<unknown>
  readonly fresh: boolean
  readonly #sign: ((checksum: string) => string) | undefined
  #data: string | undefined
  #context: string | undefined
  #checksum: string | undefined
  #seal: string | undefined

  constructor(event: Event<unknown>, fresh: boolean, sign: ((checksum: string) => string) | undefined) {
    const context = contextAsGiven(event)
    this.source = event.source
    this.type = event.type
    this.version = event.version
    this.category = event.category
    this.key = event.key
    this.tenant = context.tenantId ?? ''
    this.time = event.timestamp
    this.priority = priorityRank[event.priority]
    this.causation = context.causationId ?? ''
    this.event = event
    this.fresh = fresh
    this.#sign = sign
  }

  get id(): string {
    return this.event.id
  }

  get correlation(): string {
    return contextAsGiven(this.event).correlationId ?? this.event.id
  }

  get data(): string {
    this.#data ??= encodeData(this.event.data)
    return this.#data
  }

  get context(): string {
    this.#context ??= contextText(contextAsGiven(this.event))
    return this.#context
  }

  get checksum(): string {
    this.#checksum ??= checksumOf(this)
    return this.#checksum
  }

  get seal(): string {
    if (this.#sign === undefined) return ''
    this.#seal ??= this.#sign(this.checksum)
    return this.#seal
  }
}
