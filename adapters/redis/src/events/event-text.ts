import { toStructured } from 'tidings'
import type { EventRecord } from 'tidings/spi'

import { exactMark, recordOf } from './event-record.ts'
import { plainEventText } from './plain-event-text.ts'

/** Fields that an event's text may fail to carry as they are, in the order in which they are compared. */
const fields = [
  'id',
  'source',
  'type',
  'tenant',
  'category',
  'key',
  'time',
  'version',
  'priority',
  'correlation',
  'causation',
  'context',
  'data',
  'encoding',
  'checksum',
  'seal',
] as const

/**
 * An event as structured CloudEvents JSON, from which `recordOf` makes the same record again, to the byte. What CloudEvents cannot carry
 * as it is (a source that is no URI, a context written in another way) stands in an attribute of its own, `tidings`, which comes first.
 */
export function eventText(record: EventRecord): string {
  return plainEventText(record) ?? standardText(record) ?? exactText(record)
}

function standardText(record: EventRecord): string | undefined {
  let text: string
  try {
    text = toStructured(record)
  } catch {
    // No CloudEvent can hold it; the exact text can.
    return undefined
  }
  return Object.keys(missing(text, record)).length === 0 ? text : undefined
}

function exactText(record: EventRecord): string {
  const attributes = {
    specversion: '1.0',
    id: record.id,
    source: record.source,
    type: record.type,
    ...(record.key !== record.id && { subject: record.key }),
    time: isoTime(record.time),
    ...(record.version !== '' && { dataschema: `urn:tidings:schema:${record.type}:${record.version}` }),
    ...(record.tenant !== '' && { tenantid: record.tenant }),
    ...(record.correlation !== '' && { correlationid: record.correlation }),
    ...(record.causation !== '' && { causationid: record.causation }),
    category: record.category,
    checksum: record.checksum,
  }
  const rest = JSON.stringify(attributes).slice(1, -1) + dataMember(record)
  const changed = missing(`${exactMark}"{}",${rest}}`, record)
  return `${exactMark}${JSON.stringify(JSON.stringify(changed))},${rest}}`
}

/** The fields that a text does not give back as they are, as plain JSON; bytes in base64. */
function missing(text: string, record: EventRecord): Record<string, unknown> {
  const changed: Record<string, unknown> = {}
  let back: EventRecord | undefined
  try {
    back = recordOf(text)
  } catch {
    // Nothing of it can be read: everything has to be said.
  }
  for (const field of fields) {
    const value = record[field]
    if (back !== undefined && same(back[field], value)) continue
    changed[field] = typeof value === 'object' ? { base64: Buffer.from(value).toString('base64') } : value
  }
  return changed
}

function same(a: string | number | Uint8Array, b: string | number | Uint8Array): boolean {
  return typeof a === 'object' && typeof b === 'object' ? Buffer.compare(a, b) === 0 : Object.is(a, b)
}

function dataMember({ data }: EventRecord): string {
  if (typeof data !== 'string') return `,"data_base64":"${Buffer.from(data).toString('base64')}"`
  try {
    JSON.parse(data)
    return `,"data":${data}`
  } catch {
    // Not JSON, or empty: it stands in the exact part where it is anything.
    return ''
  }
}

function isoTime(time: number): string | undefined {
  return Math.abs(time) <= 8.64e15 ? new Date(time).toISOString() : undefined
}
