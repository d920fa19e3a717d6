import { isUtf8 } from 'node:buffer'

import { TidingsError } from '../kernel/errors.ts'
import { type Content, partsOf, recordFrom } from './cloudevents.ts'
import {
  type Attributes,
  checkCount,
  checkName,
  isJsonType,
  refuseAttribute,
  setAttribute,
  specText,
} from './cloudevents-attributes.ts'
import {
  batchType,
  fromBatch,
  fromStructured,
  type ReadJsonOptions,
  structuredType,
  toStructured,
} from './cloudevents-json.ts'
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

/** The protocols whose binary mode is known here. */
export const cloudEventBindings: Readonly<Record<'http' | 'kafka' | 'amqp' | 'nats', CloudEventBinding>> = {
  http: { prefix: 'ce-', percent: true, contentType: 'content-type' },
  kafka: { prefix: 'ce_', percent: false, contentType: 'content-type' },
  amqp: { prefix: 'cloudEvents_', alsoReads: 'cloudEvents:', percent: false, contentType: 'content-type' },
  nats: { prefix: 'ce-', percent: true, contentType: 'ce-datacontenttype' },
}

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
  for (const [name, value] of attributes) {
    if (name === 'datacontenttype') {
      headers[binding.contentType] = String(value)
      continue
    }
    if (typeof value !== 'string') types.push(`${name}=${typeof value === 'number' ? 'integer' : 'boolean'}`)
    headers[headerOf(name, binding)] = binding.percent ? percentEncode(String(value)) : String(value)
  }
  if (content.kind === 'text' || (content.kind === 'binary' && record.encoding === ''))
    types.push(`data=${content.kind}`)
  // Headers are text and bodies are bytes: without this they would come back as something else, and the checksum would not hold.
  if (types.length > 0) headers[binding.prefix + typesName] = types.join(',')
  return {
    headers,
    body: content.kind === 'none' ? undefined : content.kind === 'binary' ? content.bytes : content.text,
  }
}

/** An event in structured mode. */
export function toStructuredMessage(record: EventRecord): CloudEventMessage {
  return { headers: { 'content-type': `${structuredType}; charset=utf-8` }, body: toStructured(record) }
}

/** How a message carries events; undefined where it carries none. */
export function modeOf(
  message: ReceivedMessage,
  binding: CloudEventBinding,
): 'structured' | 'batch' | 'binary' | undefined {
  const contentType = contentTypeOf(message).toLowerCase()
  if (contentType.startsWith('application/cloudevents-batch')) return 'batch'
  if (contentType.startsWith('application/cloudevents')) return 'structured'
  const { prefix, alsoReads = prefix } = binding
  return [prefix, alsoReads].some(
    (one) => header(message, `${one}specversion`) !== undefined || header(message, `${one}id`) !== undefined,
  )
    ? 'binary'
    : undefined
}

/**
 * The events of a message in whichever mode it is written; batches only where `batch` allows them. Throws `TIDINGS_INVALID_EVENT` naming the attribute
 * and the rule, `TIDINGS_UNDECODABLE` for bytes that cannot be read.
 */
export function fromMessage(
  message: ReceivedMessage,
  binding: CloudEventBinding,
  options: ReadJsonOptions & { readonly batch?: boolean },
): EventRecord[] {
  const mode = modeOf(message, binding)
  if (mode === undefined) throw invalid('headers', 'must be those of a CloudEvent')
  if (mode === 'binary') return [fromBinary(message, binding, options)]
  const format = (contentTypeOf(message).split(';', 1)[0] as string).trim().toLowerCase()
  if (format !== structuredType && format !== batchType)
    throw invalid('content-type', `must be ${structuredType} or ${batchType}: no other format is read here`)
  if (mode === 'batch' && options.batch !== true) throw invalid('content-type', 'must not be a batch here')
  const body = message.body ?? ''
  return mode === 'batch' ? fromBatch(body, options) : [fromStructured(body, options)]
}

/** Reads binary mode. */
export function fromBinary(
  message: ReceivedMessage,
  binding: CloudEventBinding,
  options: ReadJsonOptions,
): EventRecord {
  const attributes: Attributes = new Map()
  let contentType: string | undefined
  let count = 0
  for (const header of Object.keys(message.headers)) {
    const name = nameOf(header, binding)
    if (name === undefined) continue
    const value = message.headers[header]
    if (name === contentTypeName) {
      contentType = text(binding.contentType, value)
      continue
    }
    checkCount(++count)
    if (attributes.has(name)) refuseAttribute(name, 'must not come twice')
    setAttribute(attributes, name, valueOf(name, value, binding.percent))
  }
  // It has a header of its own and should not come as an attribute, but the official SDK for Kafka writes both.
  if (contentType !== undefined && (attributes.get('datacontenttype') ?? contentType) !== contentType) {
    refuseAttribute('datacontenttype', `must not differ from the header ${binding.contentType}`)
  }
  setAttribute(attributes, 'datacontenttype', contentType)
  const dataIs = restoreTypes(attributes)
  return recordFrom({ attributes, content: contentOf(message.body ?? undefined, attributes, dataIs) }, options)
}

/** No attribute can be named like this. */
const contentTypeName = 'content type'

/** Headers are few and come with every message: each is looked at once. */
const known = new WeakMap<CloudEventBinding, Map<string, string | undefined>>()
const mostKnown = 1_000

/** The other way round: joining texts anew for every header costs more than writing it. */
const written = new WeakMap<CloudEventBinding, Map<string, string>>()

function headerOf(name: string, binding: CloudEventBinding): string {
  let headers = written.get(binding)
  if (headers === undefined) written.set(binding, (headers = new Map<string, string>()))
  let header = headers.get(name)
  if (header === undefined) {
    header = binding.prefix + name
    if (headers.size < mostKnown) headers.set(name, header)
  }
  return header
}

/** The attribute that a header holds; undefined for headers that are none of ours. */
function nameOf(header: string, binding: CloudEventBinding): string | undefined {
  let names = known.get(binding)
  if (names === undefined) known.set(binding, (names = new Map<string, string | undefined>()))
  let name = names.get(header)
  if (name !== undefined || names.has(header)) return name
  const lower = header.toLowerCase()
  const prefix = [binding.prefix, binding.alsoReads ?? binding.prefix].find((one) =>
    lower.startsWith(one.toLowerCase()),
  )
  if (lower === binding.contentType) name = contentTypeName
  else if (prefix !== undefined) {
    name = lower.slice(prefix.length)
    checkName(name)
  }
  if (names.size < mostKnown && header.length <= 100) names.set(header, name)
  return name
}

const typesName = 'typedextensions'

/** Gives numbers and booleans their type back. Returns what the data is said to be. */
function restoreTypes(attributes: Attributes): string | undefined {
  const types = attributes.get(typesName)
  if (typeof types !== 'string') return undefined
  attributes.delete(typesName)
  let dataIs: string | undefined
  for (const entry of types.split(',')) {
    const [name = '', type] = entry.split('=')
    const value = attributes.get(name)
    if (name === 'data') dataIs = type
    else if (type === 'boolean' && (value === 'true' || value === 'false')) attributes.set(name, value === 'true')
    else if (type === 'integer' && String(Number(value) | 0) === value) attributes.set(name, Number(value))
  }
  return dataIs
}

function contentOf(body: string | Uint8Array | undefined, attributes: Attributes, dataIs: string | undefined): Content {
  if (body === undefined) return { kind: 'none' }
  const compressed = attributes.get('contentencoding') === 'gzip' || attributes.get('contentencoding') === 'zstd'
  if (compressed || dataIs === 'binary')
    return { kind: 'binary', bytes: typeof body === 'string' ? Buffer.from(body) : body }
  if (isJsonType(specText(attributes, 'datacontenttype'))) {
    // An empty body is no JSON text; protocols that cannot tell it from none mean none.
    if (body.length === 0) return { kind: 'none' }
    const json = typeof body === 'string' ? body : utf8(body, 'data')
    return { kind: 'json', text: json.startsWith('\ufeff') ? json.slice(1) : json }
  }
  if (typeof body === 'string') return { kind: 'text', text: body }
  const read = textOrNothing(body, dataIs === 'text')
  return read === undefined ? { kind: 'binary', bytes: body } : { kind: 'text', text: read }
}

/** Bytes of a type we do not know are text where they are UTF-8 without control characters, else they are bytes. */
function textOrNothing(body: Uint8Array, certainly: boolean): string | undefined {
  if (!isUtf8(body)) return undefined
  const read = utf8(body, 'data')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return !certainly && /[\u0000-\u0008\u000e-\u001f]/.test(read) ? undefined : read
}

function contentTypeOf(message: ReceivedMessage): string {
  return text('content-type', header(message, 'content-type')) ?? ''
}

/** A header by its name in any spelling. */
function header(message: ReceivedMessage, name: string): unknown {
  const { headers } = message
  if (Object.hasOwn(headers, name)) return headers[name]
  const lower = name.toLowerCase()
  for (const one of Object.keys(headers))
    if (one.length === name.length && one.toLowerCase() === lower) return headers[one]
  return undefined
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
  return /^[\x21\x23\x24\x26-\x7e]*$/.test(value)
    ? value
    : value.replace(/[^\x21\x23\x24\x26-\x7e]+/gu, (found) => encodeURIComponent(found))
}

/** One round, quotes around the value taken off first. Bytes that are no UTF-8, overlong forms included, are refused. */
function percentDecode(name: string, value: string): string {
  const unquoted =
    value.length >= 2 && value.startsWith('"') && value.endsWith('"')
      ? value.slice(1, -1).replace(/\\(.)/g, '$1')
      : value
  if (!unquoted.includes('%')) return unquoted
  return unquoted.replace(/(?:%[0-9A-Fa-f]{2})+/g, (found) => {
    const bytes = Buffer.from(found.replaceAll('%', ''), 'hex')
    if (!isUtf8(bytes)) refuseAttribute(name, 'must be percent-encoded UTF-8')
    return bytes.toString()
  })
}

function invalid(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_EVENT', `The \`${field}\` of a message ${rule}.`, {
    details: { field, rule },
  })
}
