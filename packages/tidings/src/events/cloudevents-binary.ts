import { TidingsError } from '../kernel/errors.ts'
import { type Content, partsOf, recordFrom } from './cloudevents.ts'
import { type Attributes, checkCount, isJsonType, newAttributes, refuseAttribute, setAttribute, specText } from './cloudevents-attributes.ts'
import { batchType, fromBatch, fromStructured, type ReadJsonOptions, structuredType, toStructured } from './cloudevents-json.ts'
import { utf8 } from './data-codec.ts'
import type { EventRecord } from './record.ts'

/** How one protocol writes the attributes of binary mode. */
export interface CloudEventBinding {
  /** Before each attribute's name. */
  readonly prefix: string
  /** Another prefix that is read as well. */
  readonly alsoReads?: string
  /** Whether values are percent-encoded, as headers that are ASCII only need. */
  readonly percent: boolean
  /** The header that holds `datacontenttype` in binary mode. AMQP adapters move it into the property of that name. */
  readonly contentType: string
}

export const cloudEventBindings = {
  http: { prefix: 'ce-', percent: true, contentType: 'content-type' },
  kafka: { prefix: 'ce_', percent: false, contentType: 'content-type' },
  amqp: { prefix: 'cloudEvents_', alsoReads: 'cloudEvents:', percent: false, contentType: 'content-type' },
  nats: { prefix: 'ce-', percent: true, contentType: 'ce-datacontenttype' },
} as const satisfies Record<string, CloudEventBinding>

/** Headers and a body, as protocols carry them. A body of `undefined` is none at all, which differs from an empty one. */
export interface CloudEventMessage {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | undefined
}

/** What arrives: header values as clients hand them out, several of one name in a list. */
export interface ReceivedMessage {
  readonly headers: Readonly<Record<string, unknown>>
  readonly body?: string | Uint8Array | null | undefined
}

/** An event in binary mode: attributes as headers, the body is the very data that is stored. */
export function toBinary(record: EventRecord, binding: CloudEventBinding): CloudEventMessage {
  const { attributes, content } = partsOf(record)
  const headers: Record<string, string> = {}
  const types: string[] = []
  for (const name in attributes) {
    const value = attributes[name] as string | number | boolean
    if (name === 'datacontenttype') {
      headers[binding.contentType] = String(value)
      continue
    }
    if (typeof value !== 'string') types.push(`${name}=${typeof value === 'number' ? 'integer' : 'boolean'}`)
    headers[binding.prefix + name] = binding.percent ? percentEncode(String(value)) : String(value)
  }
  if (content.kind === 'text' || (content.kind === 'binary' && record.encoding === '')) types.push(`data=${content.kind}`)
  // Headers are text and bodies are bytes: without this they would come back as something else, and the checksum would not hold.
  if (types.length > 0) headers[binding.prefix + typesName] = types.join(',')
  return { headers, body: content.kind === 'none' ? undefined : content.kind === 'binary' ? content.bytes : content.text }
}

/** An event in structured mode. */
export function toStructuredMessage(record: EventRecord): CloudEventMessage {
  return { headers: { 'content-type': `${structuredType}; charset=utf-8` }, body: toStructured(record) }
}

/** How a message carries events; undefined where it carries none. */
export function modeOf(message: ReceivedMessage, binding: CloudEventBinding): 'structured' | 'batch' | 'binary' | undefined {
  const headers = lowerCase(message.headers)
  const contentType = (text('content-type', headers.get('content-type')) ?? '').toLowerCase()
  if (contentType.startsWith('application/cloudevents-batch')) return 'batch'
  if (contentType.startsWith('application/cloudevents')) return 'structured'
  const prefixes = [binding.prefix, binding.alsoReads ?? binding.prefix]
  return prefixes.some((prefix) => headers.has(`${prefix.toLowerCase()}specversion`) || headers.has(`${prefix.toLowerCase()}id`)) ? 'binary' : undefined
}

/**
 * The events of a message in whichever mode it is written; batches only where `batch` allows them. Throws `TIDINGS_INVALID_EVENT` naming the attribute
 * and the rule, `TIDINGS_UNDECODABLE` for bytes that cannot be read.
 */
export function fromMessage(message: ReceivedMessage, binding: CloudEventBinding, options: ReadJsonOptions & { readonly batch?: boolean }): EventRecord[] {
  const mode = modeOf(message, binding)
  if (mode === undefined) throw invalid('headers', 'must be those of a CloudEvent')
  if (mode === 'binary') return [fromBinary(message, binding, options)]
  const contentType = text('content-type', lowerCase(message.headers).get('content-type')) ?? ''
  const format = (contentType.split(';', 1)[0] as string).trim().toLowerCase()
  if (format !== structuredType && format !== batchType) throw invalid('content-type', `must be ${structuredType} or ${batchType}: no other format is read here`)
  if (mode === 'batch' && options.batch !== true) throw invalid('content-type', 'must not be a batch here')
  const body = message.body ?? ''
  return mode === 'batch' ? fromBatch(body, options) : [fromStructured(body, options)]
}

/** Reads binary mode. */
export function fromBinary(message: ReceivedMessage, binding: CloudEventBinding, options: ReadJsonOptions): EventRecord {
  const attributes = newAttributes()
  const prefixes = [binding.prefix, ...(binding.alsoReads === undefined ? [] : [binding.alsoReads])].map((prefix) => prefix.toLowerCase())
  const headers = lowerCase(message.headers)
  const contentType = text(binding.contentType, headers.get(binding.contentType))
  headers.delete(binding.contentType)
  let count = 0
  for (const [header, value] of headers) {
    const prefix = prefixes.find((one) => header.startsWith(one))
    if (prefix === undefined) continue
    checkCount(++count)
    const name = header.slice(prefix.length)
    if (attributes[name] !== undefined) refuseAttribute(name, 'must not come twice')
    setAttribute(attributes, name, valueOf(name, value, binding.percent))
  }
  // It has a header of its own and should not come as an attribute, but the official SDK for Kafka writes both.
  if (contentType !== undefined && (attributes.datacontenttype ?? contentType) !== contentType) refuseAttribute('datacontenttype', `must not differ from the header ${binding.contentType}`)
  setAttribute(attributes, 'datacontenttype', contentType)
  const dataIs = restoreTypes(attributes)
  return recordFrom({ attributes, content: contentOf(message.body ?? undefined, attributes, dataIs) }, options)
}

const typesName = 'typedextensions'

/** Gives numbers and booleans their type back. Returns what the data is said to be. */
function restoreTypes(attributes: Attributes): string | undefined {
  const types = attributes[typesName]
  if (typeof types !== 'string') return undefined
  delete attributes[typesName]
  let dataIs: string | undefined
  for (const entry of types.split(',')) {
    const [name = '', type] = entry.split('=')
    const value = attributes[name]
    if (name === 'data') dataIs = type
    else if (type === 'boolean' && (value === 'true' || value === 'false')) attributes[name] = value === 'true'
    else if (type === 'integer' && String(Number(value) | 0) === value) attributes[name] = Number(value)
  }
  return dataIs
}

function contentOf(body: string | Uint8Array | undefined, attributes: Attributes, dataIs: string | undefined): Content {
  if (body === undefined) return { kind: 'none' }
  const compressed = attributes.contentencoding === 'gzip' || attributes.contentencoding === 'zstd'
  if (compressed || dataIs === 'binary') return { kind: 'binary', bytes: typeof body === 'string' ? Buffer.from(body) : body }
  if (isJsonType(specText(attributes, 'datacontenttype'))) {
    // An empty body is no JSON text; protocols that cannot tell it from none mean none.
    return body.length === 0 ? { kind: 'none' } : { kind: 'json', text: typeof body === 'string' ? body : utf8(body, 'data') }
  }
  if (typeof body === 'string') return { kind: 'text', text: body }
  const read = textOrNothing(body, dataIs === 'text')
  return read === undefined ? { kind: 'binary', bytes: body } : { kind: 'text', text: read }
}

/** Bytes of a type we do not know are text where they are UTF-8 without control characters, else they are bytes. */
function textOrNothing(body: Uint8Array, certainly: boolean): string | undefined {
  try {
    const read = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
    return !certainly && /[\u0000-\u0008\u000e-\u001f]/.test(read) ? undefined : read
  } catch {
    return undefined
  }
}

function lowerCase(headers: Readonly<Record<string, unknown>>): Map<string, unknown> {
  const lower = new Map<string, unknown>()
  for (const name of Object.keys(headers)) {
    const key = name.toLowerCase()
    if (lower.has(key) && /^(?:ce|cloudevents)[-_:]/.test(key)) throw invalid(key.slice(0, 80), 'must not come twice')
    lower.set(key, headers[name])
  }
  return lower
}

function valueOf(name: string, value: unknown, percent: boolean): unknown {
  const one = Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value
  if (one === undefined || one === null || typeof one === 'number' || typeof one === 'boolean') return one
  if (one instanceof Date) return one.toISOString()
  const read = text(name, one)
  return percent && read !== undefined ? percentDecode(name, read) : read
}

function text(name: string, value: unknown): string | undefined {
  const one = Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value
  if (one === undefined || one === null) return undefined
  if (typeof one === 'string') return one
  if (typeof one === 'bigint') return one.toString()
  if (one instanceof Uint8Array) return utf8(one, name)
  return refuseAttribute(name, 'must come once, as text')
}

function percentEncode(value: string): string {
  return value.replace(/[^\x21\x23\x24\x26-\x7e]+/gu, (found) => encodeURIComponent(found))
}

/** One round, quotes around the value taken off first. Bytes that are no UTF-8, overlong forms included, are refused. */
function percentDecode(name: string, value: string): string {
  const unquoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value
  return unquoted.replace(/(?:%[0-9A-Fa-f]{2})+/g, (found) => {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(found.replaceAll('%', ''), 'hex'))
    } catch {
      return refuseAttribute(name, 'must be percent-encoded UTF-8')
    }
  })
}

function invalid(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_EVENT', `The \`${field}\` of a message ${rule}.`, { details: { field, rule } })
}
