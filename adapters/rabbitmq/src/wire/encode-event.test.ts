import { cloudEventBindings, type EventRecord, fromMessage } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import { event } from '../../tests/events.ts'
import { type Published, readFrames } from '../../tests/read-frames.ts'
import { encodeEvent } from './encode-event.ts'

const place = { channel: 258, exchange: 'tidings.events', frameMax: 4_096, maxBytes: 100_000 }

function publish(record: EventRecord, limits: Partial<typeof place> = {}): Published {
  const [message, ...more] = readFrames(Buffer.from(encodeEvent(record, '3.order', { ...place, ...limits }), 'latin1'))
  expect(more).toEqual([])
  return message as Published
}

function readBack({ headers, contentType, body }: Published): EventRecord | undefined {
  const received = { headers: { ...headers, 'content-type': contentType }, body }
  return fromMessage(received, cloudEventBindings.amqp, { now: 0 })[0]
}

describe('an event as a message', () => {
  it('has its attributes as headers and its data as the body, persistent and with what tools look at', () => {
    const record = event({ tenant: 'acmé', data: '{"total":1e2, "note":"é 😀"}' })
    const message = publish(record)
    expect(message).toMatchObject({
      channel: 258,
      exchange: 'tidings.events',
      routingKey: '3.order',
      mandatory: true,
      contentType: 'application/json',
      deliveryMode: 2,
      messageId: record.id,
      type: 'order.placed',
      timestamp: Math.floor(record.time / 1_000),
    })
    expect(message.headers).toMatchObject({
      cloudEvents_id: record.id,
      cloudEvents_tenantid: 'acmé',
      cloudEvents_specversion: '1.0',
    })
    expect(message.headers).not.toHaveProperty('content-type')
    expect(message.body.toString()).toBe(record.data)
    expect(readBack(message)).toEqual(record)
  })

  it('is cut into frames that the broker takes, and is the same when they are joined', () => {
    for (const size of [0, 4_087, 4_088, 4_089, 8_176, 8_177, 50_000]) {
      const data = Uint8Array.from({ length: size }, (_, at) => at & 255)
      const message = publish(event({ data, encoding: 'gzip' }))
      expect(message.frames.every((bytes) => bytes <= place.frameMax)).toBe(true)
      expect(message.body).toEqual(Buffer.from(data))
    }
  })

  it('is structured where its attributes do not fit into a frame', () => {
    const record = event({ context: JSON.stringify({ business: { note: '€'.repeat(1_000) } }) })
    const message = publish(record)
    expect(message).toMatchObject({ contentType: 'application/cloudevents+json; charset=utf-8', headers: {} })
    expect(JSON.parse(message.body.toString())).toMatchObject({ id: record.id, data: { total: 1 } })
    expect(readBack(message)).toEqual(record)
    expect(publish(record, { frameMax: 131_072 }).contentType).toBe('application/json')
  })

  it('leaves out what would be cut, and times before 1970', () => {
    const id = 'é'.repeat(200)
    expect(publish(event({ id, time: -5 }))).toMatchObject({ messageId: undefined, timestamp: 0 })
  })

  it('may have as many bytes as the limit says, headers included, and no more', () => {
    const record = event({ data: JSON.stringify('é'.repeat(300)) })
    let bytes = 0
    try {
      publish(record, { maxBytes: 1_024 })
    } catch (error) {
      expect(error).toMatchObject({ code: 'TIDINGS_TOO_LARGE', details: { limit: 1_024 } })
      bytes = (error as { details: { bytes: number } }).details.bytes
    }
    expect(publish(record, { maxBytes: bytes }).body.byteLength).toBe(602)
    expect(() => publish(record, { maxBytes: bytes - 1 })).toThrow(
      expect.objectContaining({ code: 'TIDINGS_TOO_LARGE' }),
    )
  })
})
