/**
 * Frames of AMQP 0-9-1 for what is published, as text in which every character is one byte: joined to one text, the frames of many messages
 * become bytes in a single step, which is several times faster than writing field by field.
 */

export interface Properties {
  /** At most 255 bytes, like all texts here but the headers'. */
  readonly contentType: string | undefined
  readonly messageId: string | undefined
  readonly type: string | undefined
  /** Whole seconds since 1970. */
  readonly timestamp: number
}

const endOfFrame = '\xce'
const basicPublish = '\x00\x3c\x00\x28'
const basicClass = '\x00\x3c\x00\x00'

/** Bytes of a frame beside what it carries. */
export const frameRest = 8

/** Publishes to an exchange, persistent messages that are returned where nobody has asked for them. */
export function publishFrame(channel: number, exchange: string, routingKey: string): string {
  const mandatory = '\x01'
  return frame('\x01', channel, `${basicPublish}\x00\x00${short(exchange)}${short(routingKey)}${mandatory}`)
}

/** The table of headers, texts only. */
export function tableOf(headers: Readonly<Record<string, string>>, except: string): string {
  let table = ''
  for (const name in headers) {
    if (name === except) continue
    const value = bytesOf(headers[name] as string)
    table += headerName(name) + u32(value.length) + value
  }
  return table
}

/** Says what is published: its properties, its headers as `tableOf` makes them, and how long its body is. */
export function headerFrame(channel: number, properties: Properties, table: string, bodyBytes: number): string {
  const { contentType, messageId, type, timestamp } = properties
  let flags = 0x1000 | 0x0040
  let fields = ''
  if (contentType !== undefined) {
    flags |= 0x8000
    fields += short(contentType)
  }
  if (table !== '') {
    flags |= 0x2000
    fields += u32(table.length) + table
  }
  const persistent = '\x02'
  fields += persistent
  if (messageId !== undefined) {
    flags |= 0x0080
    fields += short(messageId)
  }
  fields += u64(timestamp)
  if (type !== undefined) {
    flags |= 0x0020
    fields += short(type)
  }
  return frame('\x02', channel, `${basicClass}${u64(bodyBytes)}${u16(flags)}${fields}`)
}

/** The body, given as such text, in as many frames as it needs. */
export function bodyFrames(channel: number, body: string, frameMax: number): string {
  const most = frameMax - frameRest
  if (body.length <= most) return body === '' ? '' : frame('\x03', channel, body)
  let frames = ''
  for (let at = 0; at < body.length; at += most) frames += frame('\x03', channel, body.slice(at, at + most))
  return frames
}

/** Text as its bytes in UTF-8, a character each. */
export function bytesOf(text: string): string {
  return Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString('latin1')
}

function frame(type: string, channel: number, payload: string): string {
  return type + u16(channel) + u32(payload.length) + payload + endOfFrame
}

function short(text: string): string {
  const bytes = bytesOf(text)
  return String.fromCharCode(bytes.length) + bytes
}

function u16(value: number): string {
  return String.fromCharCode((value >>> 8) & 255, value & 255)
}

function u32(value: number): string {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)
}

function u64(value: number): string {
  return u32(Math.floor(value / 4_294_967_296)) + u32(value % 4_294_967_296)
}

/** Names of headers are few, and the same for every event. */
const names = new Map<string, string>()

function headerName(name: string): string {
  let encoded = names.get(name)
  if (encoded === undefined) {
    encoded = `${short(name)}S`
    if (names.size < 1_000) names.set(name, encoded)
  }
  return encoded
}
