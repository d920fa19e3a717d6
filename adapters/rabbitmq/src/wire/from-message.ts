import { cloudEventBindings, type Delivery, type EventRecord, fromMessage, streamText } from 'tidings/spi'

import type { RawMessage } from '../connection/client-insides.ts'

/** A message as a delivery: in whichever mode the event is written, by whomever; without a record where it holds none that can be read. */
export function toDelivery(message: RawMessage, partition: number, offset: number, now: number): Delivery {
  const record = recordOf(message, now)
  if (record !== undefined) return { partition, offset, stream: streamText(record), record }
  const topic = message.routingKey.slice(message.routingKey.indexOf('.') + 1)
  const stream = streamText({ tenant: '', category: topic, key: '' })
  return { partition, offset, stream, record: undefined, raw: message.body }
}

function recordOf(message: RawMessage, now: number): EventRecord | undefined {
  const { headers = {}, bodyType, body } = message
  try {
    const received = {
      headers: bodyType === undefined ? headers : { ...headers, 'content-type': bodyType },
      body: body.byteLength === 0 && !isText(headers) ? undefined : body,
    }
    return fromMessage(received, cloudEventBindings.amqp, { now })[0]
  } catch {
    // Whatever stands in it was written by somebody else; who parks it says so.
    return undefined
  }
}

/** AMQP cannot tell an empty body from none; where the text is empty its writer has said that there is a text. */
function isText(headers: object): boolean {
  const types = (headers as Record<string, unknown>)['cloudEvents_typedextensions']
  return typeof types === 'string' && types.includes('data=')
}
