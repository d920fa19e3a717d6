import { toStructured } from 'tidings'
import { cloudEventBindings, type EventRecord, TidingsError, toBinary } from 'tidings/spi'

import { bodyFrames, bytesOf, frameRest, headerFrame, publishFrame, tableOf } from './content-frames.ts'

/** Where events are published, and how large they may be. */
export interface Place {
  readonly channel: number
  readonly exchange: string
  readonly frameMax: number
  readonly maxBytes: number
}

const { amqp } = cloudEventBindings
const structured = 'application/cloudevents+json; charset=utf-8'

/** Room in a header frame for what stands beside the table of headers, in bytes. */
const fieldsRoom = 1_024

/**
 * The frames that publish an event, a character each byte. It is a CloudEvent in binary mode: attributes as headers, the data as it is stored as the
 * body. Where the attributes do not fit into one frame, as AMQP needs them to, it is written in structured mode. Throws TIDINGS_TOO_LARGE, or what
 * a CloudEvent cannot hold.
 */
export function encodeEvent(record: EventRecord, routingKey: string, place: Place): string {
  const { channel, exchange, frameMax, maxBytes } = place
  const { headers, body: content } = toBinary(record, amqp)
  let contentType: string | undefined = headers[amqp.contentType]
  let table = tableOf(headers, amqp.contentType)
  let body = content === undefined ? '' : typeof content === 'string' ? bytesOf(content) : latin1(content)
  if (
    table.length > frameMax - frameRest - fieldsRoom ||
    (contentType !== undefined && short(contentType) === undefined)
  ) {
    contentType = structured
    table = ''
    body = bytesOf(toStructured(record))
  }
  const bytes = table.length + body.length
  if (bytes > maxBytes) {
    throw new TidingsError(
      'TIDINGS_TOO_LARGE',
      `The event takes ${bytes} bytes as a message of RabbitMQ; the limit is ${maxBytes}.`,
      { details: { field: 'maxBytes', limit: maxBytes, bytes } },
    )
  }
  const properties = {
    contentType,
    messageId: short(record.id),
    type: short(record.type),
    timestamp: Math.max(0, Math.floor(record.time / 1_000)),
  }
  return (
    publishFrame(channel, exchange, routingKey) +
    headerFrame(channel, properties, table, body.length) +
    bodyFrames(channel, body, frameMax)
  )
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** Fields that only tools look at are left out where AMQP's short texts, of 255 bytes, would cut them. */
function short(text: string): string | undefined {
  return text.length <= 85 || Buffer.byteLength(text) <= 255 ? text : undefined
}
