import { TidingsError } from '../kernel/errors.ts'
import { type CloudEventParts, type Content, partsOf, type ReadOptions, recordFrom } from './cloudevents.ts'
import {
  type Attributes,
  checkCount,
  checkName,
  isJsonType,
  refuseAttribute,
  setAttribute,
  specText,
} from './cloudevents-attributes.ts'
import { type DecodeLimits, decodeJson, utf8 } from './data-codec.ts'
import { plain } from './plain.ts'
import type { EventRecord } from './record.ts'

export const structuredType = 'application/cloudevents+json'
export const batchType = 'application/cloudevents-batch+json'

/** A CloudEvent in the JSON format, as an object. */
export interface CloudEventJson {
  readonly specversion: string
  readonly id: string
  readonly source: string
  readonly type: string
  readonly data?: unknown
  readonly data_base64?: string
  readonly [attribute: string]: unknown
}

export interface ReadJsonOptions extends ReadOptions {
  readonly limits?: DecodeLimits
  /** Most events of one batch. Default 1,000. */
  readonly maxEvents?: number
}

/** An event in the JSON format as text. Data that is JSON is the very text that is stored, not encoded again. */
export function toStructured(record: EventRecord): string {
  const { attributes, content } = partsOf(record)
  const head = headOf(attributes)
  switch (content.kind) {
    case 'none':
      return `${head}}`
    case 'json':
      // Text that came from elsewhere could close the object and open another; our own has just been encoded.
      if (record.event === undefined) assertJson(content.text)
      return `${head},"data":${content.text}}`
    case 'text':
      return `${head},"data":${JSON.stringify(content.text)}}`
    case 'binary':
      return `${head},"data_base64":"${base64(content.bytes)}"}`
  }
}

function assertJson(text: string): void {
  try {
    JSON.parse(text)
  } catch {
    throw new TidingsError('TIDINGS_UNDECODABLE', '`data` must be JSON.', {
      details: { field: 'data', rule: 'must be JSON' },
    })
  }
}

/** The object up to its data, left open. Names need no escaping. */
function headOf(attributes: Attributes): string {
  let head = ''
  for (const [name, value] of attributes)
    head += `${head === '' ? '{' : ','}"${name}":${typeof value === 'string' ? JSON.stringify(value) : value}`
  return head
}

/** The same as an object; its data is the parsed value. */
export function toCloudEvent(record: EventRecord): CloudEventJson {
  return JSON.parse(toStructured(record)) as CloudEventJson
}

/** Many as one JSON array, which may be empty. */
export function toBatch(records: readonly EventRecord[]): string {
  return `[${records.map(toStructured).join(',')}]`
}

/** Reads what `toStructured` and others' encoders write. Throws `TIDINGS_UNDECODABLE` for broken JSON, `TIDINGS_INVALID_EVENT` naming the attribute. */
export function fromStructured(text: string | Uint8Array, options: ReadJsonOptions): EventRecord {
  return recordFrom(partsFrom(decodeJson(textOf(text), 'event', within(options.limits, 1))), options)
}

/** The same for an object that somebody has parsed or made. */
export function fromCloudEvent(event: object, options: ReadJsonOptions): EventRecord {
  return recordFrom(partsFrom(plain(event)), options)
}

/** All events of a batch; the first that is wrong refuses it as a whole, with its place in `details.index`. */
export function fromBatch(text: string | Uint8Array, options: ReadJsonOptions): EventRecord[] {
  const events = decodeJson(textOf(text), 'events', within(options.limits, 2))
  const maxEvents = options.maxEvents ?? 1_000
  if (!Array.isArray(events))
    throw new TidingsError('TIDINGS_INVALID_EVENT', 'A batch of CloudEvents must be a JSON array.', {
      details: { field: 'events' },
    })
  if (events.length > maxEvents) {
    throw new TidingsError('TIDINGS_TOO_LARGE', `A batch holds ${events.length} events; the limit is ${maxEvents}.`, {
      details: { field: 'events', limit: maxEvents },
    })
  }
  return events.map((event: unknown, index) => {
    try {
      return recordFrom(partsFrom(event), options)
    } catch (error) {
      if (!(error instanceof TidingsError)) throw error
      throw new TidingsError(error.code, `Event ${index} of the batch: ${error.message}`, {
        cause: error,
        details: { ...error.details, index },
      })
    }
  })
}

function partsFrom(event: unknown): CloudEventParts {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    throw new TidingsError('TIDINGS_INVALID_EVENT', 'A CloudEvent in the JSON format must be a JSON object.', {
      details: { field: 'event' },
    })
  }
  const names = Object.keys(event)
  checkCount(names.length)
  const attributes: Attributes = new Map()
  let data: unknown
  let binary: unknown
  for (const name of names) {
    const value = (event as Record<string, unknown>)[name]
    if (name === 'data') data = value
    else if (name === 'data_base64') binary = value
    else {
      checkName(name)
      setAttribute(attributes, name, value)
    }
  }
  // A data_base64 of null is absent, like any other member; a data of null is data.
  if (binary === null) binary = undefined
  if (data !== undefined && binary !== undefined) refuseAttribute('data_base64', 'must not stand beside `data`')
  return { attributes, content: contentOf(data, binary, specText(attributes, 'datacontenttype')) }
}

function contentOf(data: unknown, binary: unknown, contentType: string | undefined): Content {
  if (binary !== undefined) {
    if (typeof binary !== 'string') refuseAttribute('data_base64', 'must be base64 text')
    const bytes = Buffer.from(binary, 'base64')
    if (bytes.toString('base64') !== binary) refuseAttribute('data_base64', 'must be base64 text')
    // Said to be JSON: then it is data like any other, only wrapped.
    return contentType !== undefined && isJsonType(contentType)
      ? { kind: 'json', text: utf8(bytes, 'data_base64') }
      : { kind: 'binary', bytes }
  }
  if (data === undefined) return { kind: 'none' }
  if (isJsonType(contentType)) return { kind: 'json', text: JSON.stringify(data) }
  if (typeof data !== 'string') refuseAttribute('data', 'must be text where `datacontenttype` is not JSON')
  return { kind: 'text', text: data }
}

function textOf(text: string | Uint8Array): string {
  return typeof text === 'string' ? text : utf8(text, 'event')
}

/** Data may nest as deep as anywhere; the envelope around it comes on top. */
function within(limits: DecodeLimits | undefined, around: number): DecodeLimits {
  return { ...limits, maxDepth: (limits?.maxDepth ?? 100) + around }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
