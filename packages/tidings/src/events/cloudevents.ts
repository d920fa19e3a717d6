import {
  type Attributes,
  type AttributeValue,
  checkName,
  checkText,
  isJsonType,
  isMediaType,
  isUri,
  isUriReference,
  parseTime,
  refuseAttribute,
  requiredText,
  setAttribute,
  shortText,
  specText,
} from './cloudevents-attributes.ts'
import { decodeData, decodeJson } from './data-codec.ts'
import { defaultCategory } from './define-event.ts'
import { type EventContext, type Priority, priorities, priorityRank } from './event.ts'
import { fromIsoTime, isoTime } from './iso-time.ts'
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

/** Attributes that are members of the context. */
const contextNames: ReadonlyMap<
  string,
  'userId' | 'sessionId' | 'locationId' | 'actor' | 'traceparent' | 'tracestate'
> = new Map([
  ['userid', 'userId'],
  ['sessionid', 'sessionId'],
  ['locationid', 'locationId'],
  ['actor', 'actor'],
  ['traceparent', 'traceparent'],
  ['tracestate', 'tracestate'],
])

/** Attributes that always have a field of their own. */
const placed: ReadonlySet<string> = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'tenantid',
  'category',
  'correlationid',
  'causationid',
])

/** Attributes of ours that an event from elsewhere may say in its own way, or mean something else by. */
const restatable: ReadonlySet<string> = new Set([
  'subject',
  'time',
  'dataschema',
  'partitionkey',
  'priority',
  'business',
  'contentencoding',
  'checksum',
  'seal',
])

/** Throws `TIDINGS_INVALID_EVENT` where the record holds what no CloudEvent can carry. */
export function partsOf(record: EventRecord): CloudEventParts {
  const context = contextOf(record)
  const foreign = context.extensions ?? {}
  const attributes: Attributes = new Map()
  const set = (name: string, value: string | undefined): void => {
    if (value === undefined || value === '') return
    checkText(name, value)
    attributes.set(name, value)
  }
  if (!isSource(record.source)) refuseAttribute('source', 'must be a URI reference')
  const { content, contentType } = contentOf(record, foreign)
  set('specversion', '1.0')
  set('id', record.id)
  set('source', record.source)
  set('type', record.type)
  set('subject', record.key === record.id ? undefined : record.key)
  set('time', isoTime(record.time))
  set('datacontenttype', contentType)
  if (record.version !== '' && foreign.dataversion === undefined)
    set('dataschema', `${schemaPrefix}${record.type}:${record.version}`)
  set('tenantid', record.tenant)
  for (const [name, member] of contextNames) set(name, context[member])
  set('correlationid', record.correlation)
  set('causationid', record.causation)
  if (record.category !== defaultCategory(record.type)) set('category', record.category)
  if (record.priority !== priorityRank.normal) set('priority', priorities[record.priority])
  set('partitionkey', partitionKeyOf(record.tenant, record.category, record.key))
  if (context.business !== undefined) set('business', escaped(JSON.stringify(context.business)))
  set('contentencoding', record.encoding)
  set('checksum', record.checksum)
  set('seal', record.seal)
  // What came from elsewhere goes on as it came, also where we would have said it another way.
  for (const name in foreign) {
    if (name === 'data_base64' || name === 'datacontenttype' || (attributes.has(name) && !restatable.has(name)))
      continue
    checkName(name)
    setAttribute(attributes, name, foreign[name])
  }
  return { attributes, content }
}

/**
 * The record of an event in its CloudEvents form. Attributes that have no place of their own, and those written in another way than ours, are
 * kept in the context's `extensions`. A checksum and a seal of ours are kept to be verified; events without get their checksum here.
 */
export function recordFrom(parts: CloudEventParts, options: ReadOptions): EventRecord {
  const { attributes, content } = parts
  const specversion = attributes.get('specversion')
  if (specversion === undefined) refuseAttribute('specversion', 'is required')
  if (specversion !== '1.0') refuseAttribute('specversion', "must be '1.0'")
  const id = requiredText(attributes, 'id')
  const source = requiredText(attributes, 'source')
  if (!isSource(source)) refuseAttribute('source', 'must be a URI reference')
  const type = requiredText(attributes, 'type')
  const subject = specText(attributes, 'subject')
  const column = (name: string): string => shortText(name, String(attributes.get(name) ?? ''))

  const key = subject === undefined ? id : shortText('subject', subject)
  const tenant = column('tenantid')
  const category = column('category') || defaultCategory(type)
  const time = readTime(attributes, options.now)
  const schema = readSchema(attributes, type)
  const encoding = readEncoding(attributes, content)
  const business = readBusiness(attributes.get('business'))
  const priority = priorities.indexOf(attributes.get('priority') as Priority)
  const checksum = matching(attributes.get('checksum'), ownChecksum)
  const seal = checksum === '' ? '' : matching(attributes.get('seal'), ownSeal)

  /** Whether an attribute is wholly told by a field of the record. */
  const said = (name: string, value: AttributeValue): boolean => {
    switch (name) {
      case 'subject':
        return subject !== id
      case 'time':
        return time.asOurs
      case 'dataschema':
        return schema.asOurs
      case 'datacontenttype':
        return encoding !== '' || (content.kind === 'json' && value === 'application/json')
      case 'contentencoding':
        return encoding !== ''
      case 'partitionkey':
        return value === partitionKeyOf(tenant, category, key)
      case 'priority':
        return priority !== -1 && priority !== priorityRank.normal
      case 'business':
        return business !== undefined
      case 'checksum':
        return checksum !== ''
      case 'seal':
        return seal !== ''
      default:
        return placed.has(name)
    }
  }

  const extensions: Record<string, AttributeValue> = {}
  const context: Record<string, unknown> = {}
  let foreign = false
  for (const [name, value] of attributes) {
    const member = contextNames.get(name)
    if (member !== undefined) {
      if (value !== '') context[member] = String(value)
    } else if (!said(name, value)) {
      extensions[name] = value
      foreign = true
    }
  }
  if (content.kind === 'binary' && encoding === '') {
    extensions.data_base64 = true
    foreign = true
  }
  if (business !== undefined) context.business = business
  if (foreign) context.extensions = extensions

  const record = {
    id,
    source,
    type,
    version: schema.version,
    category,
    key,
    tenant,
    time: time.at,
    priority: priority === -1 ? priorityRank.normal : priority,
    correlation: column('correlationid') || id,
    causation: column('causationid'),
    context: contextText(context),
    data: encoding === '' ? dataFrom(content, checksum !== '') : (content as { bytes: Uint8Array }).bytes,
    encoding,
  }
  return { ...record, checksum: checksum || checksumOf(record), seal }
}

function contentOf(
  record: EventRecord,
  foreign: Readonly<Record<string, AttributeValue>>,
): { content: Content; contentType: string | undefined } {
  const contentType = foreign.datacontenttype as string | undefined
  if (record.encoding !== '')
    return {
      content: { kind: 'binary', bytes: record.data as Uint8Array },
      contentType: `application/${record.encoding}`,
    }
  if (record.data === '') return { content: { kind: 'none' }, contentType }
  if (foreign.data_base64 === true)
    return { content: { kind: 'binary', bytes: Buffer.from(String(decodeData(record)), 'base64') }, contentType }
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

function partitionKeyOf(tenant: string, category: string, key: string): string {
  return `${tenant}/${category}/${key}`
}

/** Sources are few and come again and again. */
const sources = new Set<string>()

function isSource(text: string): boolean {
  if (sources.has(text)) return true
  if (!isUriReference(text)) return false
  if (sources.size < 1_000 && text.length < 200) sources.add(text)
  return true
}

function matching(value: AttributeValue | undefined, pattern: RegExp): string {
  return typeof value === 'string' && pattern.test(value) ? value : ''
}

/** `asOurs`: written the way we write it, so that nothing of it has to be kept beside. */
function readTime(attributes: Attributes, now: number): { readonly at: number; readonly asOurs: boolean } {
  const text = specText(attributes, 'time')
  if (text === undefined) return { at: now, asOurs: true }
  // Nearly every time is written as we write it, and then this says all.
  const same = fromIsoTime(text)
  if (same !== undefined) return { at: same, asOurs: true }
  const at = parseTime(text)
  if (at === undefined) refuseAttribute('time', 'must be an RFC 3339 time')
  return { at, asOurs: false }
}

function readSchema(attributes: Attributes, type: string): { readonly version: string; readonly asOurs: boolean } {
  const schema = specText(attributes, 'dataschema')
  if (schema !== undefined) {
    const own = schema.startsWith(`${schemaPrefix}${type}:`) ? schema.slice(schemaPrefix.length + type.length + 1) : ''
    if (semver.test(own)) return { version: own, asOurs: true }
    if (!isUri(schema)) refuseAttribute('dataschema', 'must be a URI')
    const version = schemaEnd.exec(schema)?.[1]
    if (version !== undefined) return { version, asOurs: false }
  }
  return { version: matching(attributes.get('dataversion'), semver), asOurs: false }
}

function readEncoding(attributes: Attributes, content: Content): string {
  const contentType = specText(attributes, 'datacontenttype')
  if (contentType !== undefined && contentType !== 'application/json' && !isMediaType(contentType))
    refuseAttribute('datacontenttype', 'must be a media type')
  const encoding = attributes.get('contentencoding')
  return content.kind === 'binary' && (encoding === 'gzip' || encoding === 'zstd') ? encoding : ''
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
    Array.from({ length: found.length }, (_, at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
      '',
    ),
  )
}
