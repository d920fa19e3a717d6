import { fromStructured } from 'tidings'
import type { EventRecord } from 'tidings/spi'

/** What stands beside the text of an event where it is kept, and is then not read from it. */
export type EventPlace = Pick<EventRecord, 'tenant' | 'category' | 'key' | 'time'>

/** What the text of an event begins with that CloudEvents alone cannot carry: scripts look no further to know one. */
export const exactMark = '{"tidings":'

const ranks: Readonly<Record<string, number>> = { critical: 0, high: 1, normal: 2, low: 3 }

/** The attributes that the texts of our own events carry; any other one takes the long way. */
const known: ReadonlySet<string> = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'subject',
  'time',
  'datacontenttype',
  'dataschema',
  'tenantid',
  'userid',
  'sessionid',
  'locationid',
  'actor',
  'traceparent',
  'tracestate',
  'correlationid',
  'causationid',
  'category',
  'priority',
  'partitionkey',
  'business',
  'contentencoding',
  'checksum',
  'seal',
  'tidings',
])

type Head = Readonly<Record<string, unknown>>

/**
 * The record of a text that `eventText` made. Data is cut out of it, never parsed and written again. Throws where the text is none of ours;
 * that nothing has been changed in it since is for the checksum to say.
 */
export function recordOf(text: string, place?: EventPlace): EventRecord {
  // No member before the data holds an object, so the first `,"data":` outside of a text is that of the event; inside a text its quotes would be escaped.
  const json = text.indexOf(',"data":')
  const bytes = json === -1 ? text.indexOf(',"data_base64":"') : -1
  const end = json !== -1 ? json : bytes !== -1 ? bytes : text.length - 1
  const head = JSON.parse(`${text.slice(0, end)}}`) as Head
  const data =
    json !== -1
      ? text.slice(json + 8, -1)
      : bytes !== -1
        ? new Uint8Array(Buffer.from(text.slice(bytes + 16, -2), 'base64'))
        : ''
  const exact = text.startsWith(exactMark)
  const record =
    exact || isOurs(head, data) ? ownRecord(head, data, place ?? placeIn(head)) : foreignRecord(text, place)
  return exact ? withExact(record, head.tidings as string) : record
}

/** Whether the codec would find nothing in it that has no place of its own. */
function isOurs(head: Head, data: string | Uint8Array): boolean {
  for (const name in head) if (!known.has(name)) return false
  const { datacontenttype: type, contentencoding: encoding } = head
  if (typeof data === 'string') return encoding === undefined && (type === undefined || type === 'application/json')
  return (encoding === 'gzip' || encoding === 'zstd') && type === `application/${encoding}`
}

function ownRecord(head: Head, data: string | Uint8Array, place: EventPlace): EventRecord {
  if (typeof head.id !== 'string' || typeof head.source !== 'string' || typeof head.type !== 'string')
    throw new TypeError('id, source or type is missing')
  const id = textOf(head.id)
  const schema = textOf(head.dataschema)
  return {
    id,
    source: textOf(head.source),
    type: textOf(head.type),
    version: schema === '' ? '' : schema.slice(schema.lastIndexOf(':') + 1),
    category: place.category,
    key: place.key,
    tenant: place.tenant,
    time: place.time,
    priority: head.priority === undefined ? 2 : (ranks[textOf(head.priority)] ?? 2),
    correlation: head.correlationid === undefined ? id : textOf(head.correlationid),
    causation: textOf(head.causationid),
    context: contextOf(head),
    data,
    encoding: textOf(head.contentencoding),
    checksum: textOf(head.checksum),
    seal: textOf(head.seal),
  }
}

function contextOf(head: Head): string {
  const { userid, sessionid, locationid, actor, traceparent, tracestate, business } = head
  if (
    userid === undefined &&
    traceparent === undefined &&
    business === undefined &&
    sessionid === undefined &&
    locationid === undefined &&
    actor === undefined &&
    tracestate === undefined
  )
    return ''
  const text = JSON.stringify({
    userId: userid,
    sessionId: sessionid,
    locationId: locationid,
    actor,
    traceparent,
    tracestate,
  })
  if (business === undefined) return text
  return text === '{}' ? `{"business":${textOf(business)}}` : `${text.slice(0, -1)},"business":${textOf(business)}}`
}

/** The place of an event as its own text tells it. */
function placeIn(head: Head): EventPlace {
  const type = textOf(head.type)
  const dot = type.lastIndexOf('.')
  return {
    tenant: textOf(head.tenantid),
    category: head.category === undefined ? (dot <= 0 ? type : type.slice(0, dot)) : textOf(head.category),
    key: textOf(head.subject ?? head.id),
    time: head.time === undefined ? 0 : Date.parse(textOf(head.time)),
  }
}

function foreignRecord(text: string, place: EventPlace | undefined): EventRecord {
  const record = fromStructured(text, { now: place?.time ?? 0 })
  if (place === undefined) return record
  const { tenant, category, key, time } = place
  return { ...record, tenant, category, key, time }
}

function withExact(record: EventRecord, text: string): EventRecord {
  const changed = JSON.parse(text) as Record<string, unknown>
  const result = { ...record } as Record<keyof EventRecord, unknown>
  for (const [field, value] of Object.entries(changed)) {
    if (!Object.hasOwn(record, field)) continue
    const bytes = typeof value === 'object' && value !== null ? (value as { base64?: unknown }).base64 : undefined
    result[field as keyof EventRecord] =
      bytes === undefined ? value : new Uint8Array(Buffer.from(textOf(bytes), 'base64'))
  }
  return result as EventRecord
}

function textOf(value: unknown): string {
  if (value === undefined) return ''
  if (typeof value !== 'string') throw new TypeError('an attribute is not text')
  return value
}
