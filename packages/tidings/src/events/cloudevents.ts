import {
  type Attributes,
  type AttributeValue,
  checkText,
  isJsonType,
  isMediaType,
  isUri,
  isUriReference,
  newAttributes,
  parseTime,
  refuseAttribute,
  requiredText,
  setAttribute,
  shortText,
  specText,
} from './cloudevents-attributes.ts'
import { decodeData, decodeJson } from './data-codec.ts'
import { defaultCategory } from './define-event.ts'
import { type EventContext, priorities, type Priority, priorityRank } from './event.ts'
import { checksumOf, type EventRecord } from './record.ts'
import { contextOf, contextText } from './record-codec.ts'

/**
 * What an event is in CloudEvents 1.0.2, before a format or a protocol writes it down: attributes, and data with how it is to be written.
 *
 * | Tidings | attribute |
 * | --- | --- |
 * | id, source, type, time | the same |
 * | key | `subject`; absent where the event is a stream of its own and its key is its id |
 * | version | `dataschema`, as `urn:tidings:schema:<type>:<version>`; absent for legacy events |
 * | category | `category`, where it is not the type without its last word |
 * | priority | `priority`, unless normal |
 * | context | `tenantid` `userid` `sessionid` `locationid` `actor` `correlationid` `causationid` `traceparent` `tracestate`, `business` as JSON text |
 * | stream | `partitionkey`, as `tenant/category/key` |
 * | checksum, seal | the same |
 * | encoding | `contentencoding`, and `datacontenttype` says application/gzip or application/zstd |
 */
export interface CloudEventParts {
  readonly attributes: Attributes
  readonly content: Content
}

export type Content =
  | { readonly kind: 'none' }
  | { readonly kind: 'json'; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'binary'; readonly bytes: Uint8Array }

export interface ReadOptions {
  /** The time of events that carry none, milliseconds since 1970. */
  readonly now: number
}

const schemaPrefix = 'urn:tidings:schema:'
const semver = /^\d{1,6}\.\d{1,6}\.\d{1,6}$/
const schemaEnd = /[/:#=]v?(\d{1,6}\.\d{1,6}\.\d{1,6})(?:\.json)?$/
const ownChecksum = /^[A-Za-z0-9_-]{43}$/
const ownSeal = /^[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{86}$/

/** Members of a context that are attributes of the same name in lower case. */
const contextNames = ['userId', 'sessionId', 'locationId', 'actor', 'traceparent', 'tracestate'] as const

/** Attributes of ours that an event from elsewhere may say in its own way, or mean something else by. */
const restatable: ReadonlySet<string> = new Set(['subject', 'time', 'dataschema', 'partitionkey', 'priority', 'business', 'contentencoding', 'checksum', 'seal'])

/** Throws `TIDINGS_INVALID_EVENT` where the record holds what no CloudEvent can carry. */
export function partsOf(record: EventRecord): CloudEventParts {
  const context = contextOf(record)
  const foreign = context.extensions ?? {}
  const attributes = newAttributes()
  const set = (name: string, value: AttributeValue | undefined): void => {
    if (value === undefined || value === '') return
    if (typeof value === 'string') checkText(name, value)
    attributes[name] = value
  }
  if (!isUriReference(record.source)) refuseAttribute('source', 'must be a URI reference')
  const { content, contentType } = contentOf(record, foreign)
  set('specversion', '1.0')
  set('id', record.id)
  set('source', record.source)
  set('type', record.type)
  set('subject', record.key === record.id ? undefined : record.key)
  set('time', new Date(record.time).toISOString())
  set('datacontenttype', contentType)
  if (record.version !== '' && foreign.dataversion === undefined) set('dataschema', `${schemaPrefix}${record.type}:${record.version}`)
  set('tenantid', record.tenant)
  for (const name of contextNames) set(name.toLowerCase(), context[name])
  set('correlationid', record.correlation)
  set('causationid', record.causation)
  if (record.category !== defaultCategory(record.type)) set('category', record.category)
  if (record.priority !== priorityRank.normal) set('priority', priorities[record.priority])
  set('partitionkey', partitionKeyOf(record))
  if (context.business !== undefined) set('business', escaped(JSON.stringify(context.business)))
  set('contentencoding', record.encoding)
  set('checksum', record.checksum)
  set('seal', record.seal)
  // What came from elsewhere goes on as it came, also where we would have said it another way.
  for (const [name, value] of Object.entries(foreign)) {
    if (name === 'data_base64' || name === 'datacontenttype' || (name in attributes && !restatable.has(name))) continue
    setAttribute(attributes, name, value)
  }
  return { attributes, content }
}

/**
 * The record of an event in its CloudEvents form. Attributes that have no place of their own, and those written in another way than ours, are
 * kept in the context's `extensions`. A checksum and a seal of ours are kept to be verified; events without get their checksum here.
 */
export function recordFrom(parts: CloudEventParts, options: ReadOptions): EventRecord {
  const { content } = parts
  const rest: Attributes = { ...parts.attributes }
  if (rest.specversion === undefined) refuseAttribute('specversion', 'is required')
  if (rest.specversion !== '1.0') refuseAttribute('specversion', "must be '1.0'")
  const id = requiredText(rest, 'id')
  const source = requiredText(rest, 'source')
  if (!isUriReference(source)) refuseAttribute('source', 'must be a URI reference')
  const type = requiredText(rest, 'type')
  const subject = specText(rest, 'subject')
  const extensions: Record<string, AttributeValue> = {}
  const keep = (name: string): void => {
    extensions[name] = rest[name] as AttributeValue
  }
  for (const name of ['specversion', 'id', 'source', 'type']) delete rest[name]

  if (subject === id) keep('subject')
  const time = readTime(rest, options.now, keep)
  const version = readVersion(rest, type, keep)
  const encoding = readEncoding(rest, content)
  readContentType(rest, content, encoding, extensions)
  for (const name of ['subject', 'time', 'dataschema', 'datacontenttype']) delete rest[name]

  const take = (name: string): string => {
    const value = rest[name]
    delete rest[name]
    return value === undefined ? '' : String(value)
  }
  const key = subject === undefined ? id : shortText('subject', subject)
  const tenant = shortText('tenantid', take('tenantid'))
  const category = shortText('category', take('category')) || defaultCategory(type)
  const correlation = shortText('correlationid', take('correlationid')) || id
  const causation = shortText('causationid', take('causationid'))
  const priority = rest.priority !== 'normal' && priorities.includes(rest.priority as Priority) ? priorityRank[take('priority') as Priority] : priorityRank.normal
  if (rest.partitionkey === partitionKeyOf({ tenant, category, key })) delete rest.partitionkey
  const context: Record<string, unknown> = {}
  for (const name of contextNames) {
    const value = take(name.toLowerCase())
    if (value !== '') context[name] = value
  }
  const business = readBusiness(rest.business)
  if (business !== undefined) {
    context.business = business
    delete rest.business
  }
  const checksum = ownChecksum.test(String(rest.checksum)) ? take('checksum') : undefined
  const seal = checksum !== undefined && ownSeal.test(String(rest.seal)) ? take('seal') : ''
  Object.assign(extensions, rest)
  if (Object.keys(extensions).length > 0) context.extensions = extensions

  const record = {
    id,
    source,
    type,
    version,
    category,
    key,
    tenant,
    time,
    priority,
    correlation,
    causation,
    context: contextText(context),
    data: encoding === '' ? dataFrom(content, checksum !== undefined) : (content as { bytes: Uint8Array }).bytes,
    encoding,
  }
  return { ...record, checksum: checksum ?? checksumOf(record), seal }
}

function contentOf(record: EventRecord, foreign: Readonly<Record<string, AttributeValue>>): { content: Content; contentType: string | undefined } {
  const contentType = foreign.datacontenttype as string | undefined
  if (record.encoding !== '') return { content: { kind: 'binary', bytes: record.data as Uint8Array }, contentType: `application/${record.encoding}` }
  if (record.data === '') return { content: { kind: 'none' }, contentType }
  if (foreign.data_base64 === true) return { content: { kind: 'binary', bytes: Buffer.from(String(decodeData(record)), 'base64') }, contentType }
  if (!isJsonType(contentType)) return { content: { kind: 'text', text: String(decodeData(record)) }, contentType }
  const text = typeof record.data === 'string' ? record.data : Buffer.from(record.data).toString()
  return { content: { kind: 'json', text }, contentType: contentType ?? 'application/json' }
}

/** JSON text as it is stored. Foreign JSON is written our way once, so that its checksum holds wherever it is parsed and written again. */
function dataFrom(content: Content, ours: boolean): string {
  switch (content.kind) {
    case 'none':
      return ''
    case 'text':
      return JSON.stringify(content.text)
    case 'binary':
      return JSON.stringify(Buffer.from(content.bytes).toString('base64'))
    case 'json':
      return ours ? content.text : rewritten(content.text)
  }
}

function rewritten(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text))
  } catch {
    // Broken, or too deep: kept as it is for whoever parks it; decoding says what is wrong.
    return text === '' ? ' ' : text
  }
}

function partitionKeyOf(stream: Pick<EventRecord, 'tenant' | 'category' | 'key'>): string {
  return `${stream.tenant}/${stream.category}/${stream.key}`
}

function readTime(attributes: Attributes, now: number, keep: (name: string) => void): number {
  const text = specText(attributes, 'time')
  if (text === undefined) return now
  const time = parseTime(text)
  if (time === undefined) refuseAttribute('time', 'must be an RFC 3339 time')
  if (new Date(time).toISOString() !== text) keep('time')
  return time
}

function readVersion(attributes: Attributes, type: string, keep: (name: string) => void): string {
  const schema = specText(attributes, 'dataschema')
  if (schema !== undefined) {
    if (!isUri(schema)) refuseAttribute('dataschema', 'must be a URI')
    const own = schema.startsWith(`${schemaPrefix}${type}:`) ? schema.slice(schemaPrefix.length + type.length + 1) : ''
    if (semver.test(own)) return own
    keep('dataschema')
    const version = schemaEnd.exec(schema)?.[1]
    if (version !== undefined) return version
  }
  const version = attributes.dataversion
  return typeof version === 'string' && semver.test(version) ? version : ''
}

function readEncoding(attributes: Attributes, content: Content): string {
  const encoding = attributes.contentencoding
  if (content.kind !== 'binary' || (encoding !== 'gzip' && encoding !== 'zstd')) return ''
  delete attributes.contentencoding
  return encoding
}

function readContentType(attributes: Attributes, content: Content, encoding: string, extensions: Record<string, AttributeValue>): void {
  const contentType = specText(attributes, 'datacontenttype')
  if (contentType !== undefined && !isMediaType(contentType)) refuseAttribute('datacontenttype', 'must be a media type')
  if (encoding !== '') return
  if (content.kind === 'binary') extensions.data_base64 = true
  if (contentType !== undefined && !(content.kind === 'json' && contentType === 'application/json')) extensions.datacontenttype = contentType
}

function readBusiness(value: AttributeValue | undefined): EventContext['business'] {
  if (typeof value !== 'string' || !value.startsWith('{')) return undefined
  try {
    const business = decodeJson(value, 'business', { maxDepth: 0 }) as Record<string, unknown>
    return Object.values(business).includes(null) ? undefined : (business as EventContext['business'])
  } catch {
    return undefined
  }
}

/** JSON lets characters stand that attributes must not hold; escapes read back the same. */
function escaped(json: string): string {
  return json.replace(/[\u007f-\u009f]|\p{Noncharacter_Code_Point}/gu, (found) =>
    Array.from({ length: found.length }, (_, at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  )
}
