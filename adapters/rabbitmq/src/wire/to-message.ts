import type { Envelope } from 'rabbitmq-client'
import { toStructured } from 'tidings'
import { cloudEventBindings, type EventRecord, TidingsError, toBinary } from 'tidings/spi'

const structured = 'application/cloudevents+json; charset=utf-8'

/** Room for the fields of a content header beside the table of headers, in bytes. */
const headerRest = 1_024

export interface Outgoing {
  readonly envelope: Envelope
  readonly body: Buffer
}

export interface Limits {
  readonly maxBytes: number
  readonly frameMax: number
}

/**
 * An event as a CloudEvent in binary mode: attributes as headers, the data as it is stored as the body. Where the attributes do not fit into
 * one frame, as AMQP needs them to, it is written in structured mode. Throws TIDINGS_TOO_LARGE, or what a CloudEvent cannot hold.
 */
export function toMessage(record: EventRecord, exchange: string, routingKey: string, limits: Limits): Outgoing {
  const { headers: all, body: content } = toBinary(record, cloudEventBindings.amqp)
  const { 'content-type': contentType, ...headers } = all
  const body =
    content === undefined
      ? empty
      : typeof content === 'string'
        ? Buffer.from(content)
        : Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  const room = limits.frameMax - headerRest
  const size = sizeOf(headers, Math.min(room, limits.maxBytes - body.byteLength))
  const fits = size <= room && (contentType === undefined || contentType.length <= shortest)
  const whole = fits ? body : Buffer.from(toStructured(record))
  const bytes = whole.byteLength + (fits ? size : 0)
  if (bytes > limits.maxBytes) {
    throw new TidingsError(
      'TIDINGS_TOO_LARGE',
      `The event takes ${bytes} bytes as a message of RabbitMQ; the limit is ${limits.maxBytes}.`,
      { details: { field: 'maxBytes', limit: limits.maxBytes, bytes } },
    )
  }
  const envelope: Envelope = {
    exchange,
    routingKey,
    // Returned where nobody has asked for it, so that it can be counted.
    mandatory: true,
    durable: true,
    contentType: fits ? contentType : structured,
    headers: fits ? headers : undefined,
    messageId: short(record.id),
    type: short(record.type),
    timestamp: Math.max(0, Math.floor(record.time / 1_000)),
  } as Envelope
  return { envelope, body: whole }
}

const empty = Buffer.alloc(0)

/** AMQP's short texts have 255 bytes; in the worst case a UTF-16 unit takes three. */
const shortest = 85

/** Fields that only tools look at: left out where they would be cut. */
function short(text: string): string | undefined {
  return text.length <= shortest || Buffer.byteLength(text) <= 255 ? text : undefined
}

/** Bytes of the headers as a table: exactly, or an estimate from above that stays below `enough`. */
function sizeOf(headers: Readonly<Record<string, string>>, enough: number): number {
  let units = 4
  for (const name in headers) units += name.length + 6 + (headers[name] as string).length * 3
  if (units <= enough) return units
  let bytes = 4
  for (const name in headers) bytes += name.length + 6 + Buffer.byteLength(headers[name] as string)
  return bytes
}
