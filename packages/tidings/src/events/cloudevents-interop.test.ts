import { CloudEvent, HTTP, Kafka, type KafkaMessage, type Message } from 'cloudevents'
import { expect, test } from 'vitest'

import {
  type CloudEventMessage,
  cloudEventBindings,
  fromMessage,
  toBinary,
  toStructuredMessage,
} from './cloudevents-binary.ts'
import { fromCloudEvent, toBatch, toCloudEvent } from './cloudevents-json.ts'
import { buildEvent } from './event.ts'
import { plain } from './plain.ts'
import type { EventRecord } from './record.ts'
import { compressRecord, eventOf, recordOf, verifyChecksum } from './record-codec.ts'

/** The official SDK on the other side: what either writes, the other reads. */
const options = { now: 1_767_225_600_000 }
const { http, kafka } = cloudEventBindings

const data = { orderId: 'o-1', total: 99.9, lines: [{ sku: 'ä', count: 2 }], note: null }

function recordWith(what: unknown): EventRecord {
  return recordOf(
    buildEvent({
      id: 'e-1',
      source: '/orders',
      type: 'order.placed',
      version: '2.0.0',
      category: 'order',
      key: 'o-1',
      timestamp: 1_767_225_600_123,
      priority: 'high',
      context: { tenantId: 'acme', userId: 'u-1', business: { campaign: 'spring', step: 3 } },
      data: plain(what),
    }),
  )
}

const ours = recordWith(data)

const expected = {
  id: 'e-1',
  source: '/orders',
  type: 'order.placed',
  specversion: '1.0',
  subject: 'o-1',
  time: '2026-01-01T00:00:00.123Z',
  datacontenttype: 'application/json',
  dataschema: 'urn:tidings:schema:order.placed:2.0.0',
  tenantid: 'acme',
  userid: 'u-1',
  correlationid: 'e-1',
  priority: 'high',
  data,
}

function read(message: unknown): CloudEvent {
  return HTTP.toEvent(message as Message) as CloudEvent
}

test('the SDK reads what we write over HTTP, in either mode, and finds it valid', () => {
  for (const message of [toBinary(ours, http), toStructuredMessage(ours)]) {
    const event = read(message)
    expect(event.toJSON()).toMatchObject(expected)
    expect(event.validate()).toBe(true)
    expect(() => new CloudEvent(event.toJSON() as never)).not.toThrow()
  }
})

test('the SDK reads our batch', () => {
  const events = HTTP.toEvent({
    headers: { 'content-type': 'application/cloudevents-batch+json' },
    body: toBatch([ours, ours]),
  }) as CloudEvent[]
  expect(events).toHaveLength(2)
  expect(events[1]?.toJSON()).toMatchObject(expected)
})

test('the SDK reads what we write to Kafka, in either mode', () => {
  for (const { headers, body } of [toBinary(ours, kafka), toStructuredMessage(ours)]) {
    const event = Kafka.toEvent({
      headers,
      value: body,
      body,
      key: 'acme/order/o-1',
    } as unknown as KafkaMessage) as CloudEvent
    expect(event.toJSON()).toMatchObject(expected)
  }
})

test('the SDK takes our compressed data for the bytes they are', async () => {
  const compressed = await compressRecord(recordWith({ text: 'again '.repeat(1_000) }))
  expect(compressed.encoding).toBe('gzip')
  const event = read(toBinary(compressed, http))
  expect(event).toMatchObject({ datacontenttype: 'application/gzip', data: compressed.data })
  expect(new CloudEvent(toCloudEvent(compressed) as never)).toMatchObject({
    datacontenttype: 'application/gzip',
    contentencoding: 'gzip',
  })
})

const theirs = new CloudEvent({
  id: 'x-7',
  source: 'https://example.com/shop',
  type: 'com.example.shop.opened',
  subject: 'shop-7',
  time: '2026-02-03T04:05:06.789Z',
  datacontenttype: 'application/json',
  dataschema: 'https://example.com/schemas/shop/1.2.0',
  tenantid: 'acme',
  causationid: 'w-6',
  shopfloor: 3,
  open: true,
  data: { name: 'Zoë', floors: [1, 2] },
})

function assertTheirs(records: readonly EventRecord[]): void {
  expect(records).toHaveLength(1)
  const record = records[0] as EventRecord
  verifyChecksum(record)
  expect(eventOf(record)).toMatchObject({
    id: 'x-7',
    source: 'https://example.com/shop',
    type: 'com.example.shop.opened',
    category: 'com.example.shop',
    key: 'shop-7',
    version: '1.2.0',
    timestamp: Date.parse('2026-02-03T04:05:06.789Z'),
    context: { tenantId: 'acme', causationId: 'w-6', correlationId: 'x-7' },
    data: { name: 'Zoë', floors: [1, 2] },
  })
}

test('we read what the SDK writes over HTTP and Kafka, in every mode', () => {
  for (const message of [HTTP.binary(theirs), HTTP.structured(theirs)])
    assertTheirs(fromMessage(message as CloudEventMessage, http, options))
  for (const message of [Kafka.binary(theirs), Kafka.structured(theirs)]) {
    // The SDK leaves turning data into bytes to whoever sends.
    const value = typeof message.value === 'string' ? message.value : JSON.stringify(message.value)
    assertTheirs(fromMessage({ headers: message.headers, body: Buffer.from(value) }, kafka, options))
  }
  assertTheirs([fromCloudEvent(theirs, options)])
})

test('their event through us and back is their event', () => {
  const record = fromMessage(HTTP.structured(theirs) as CloudEventMessage, http, options)[0] as EventRecord
  for (const message of [toStructuredMessage(record), toBinary(record, http)]) {
    const { shopfloor, open, ...attributes } = read(message).toJSON()
    const { shopfloor: _floor, open: _open, ...all } = theirs.toJSON()
    expect(attributes).toMatchObject(JSON.parse(JSON.stringify(all)) as object)
    expect([String(shopfloor), String(open)]).toEqual(['3', 'true'])
  }
})

test('binary data of theirs goes through us unchanged', () => {
  const bytes = Uint8Array.from([0, 1, 254, 255])
  const event = new CloudEvent({
    id: 'b-1',
    source: '/x',
    type: 'a.b',
    datacontenttype: 'application/octet-stream',
    data: bytes,
  })
  const record = fromMessage(HTTP.structured(event) as CloudEventMessage, http, options)[0] as EventRecord
  expect(toBinary(record, http)).toMatchObject({
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.from(bytes),
  })
  expect(toCloudEvent(record)).toMatchObject({ data_base64: 'AAH+/w==' })
})
