import { describe, expect, it } from 'vitest'

import { eventOf } from '../../tests/events.ts'
import { decodeEvent } from './decode-event.ts'
import { encodeEvent, messageId } from './encode-event.ts'
import { readHeaders } from './read-headers.ts'

const now = 1_767_225_600_000

describe('an event on the wire', () => {
  it('is a CloudEvent in binary mode: attributes as headers, plain JSON as body', () => {
    const { headers, body } = encodeEvent(
      eventOf({ id: '1', key: 'ä b', tenant: 'acme', data: '{"total":1}', time: now }),
    )
    expect(Buffer.from(body).toString()).toBe('{"total":1}')
    expect(readHeaders(headers)).toMatchObject({
      'Nats-Msg-Id': messageId({ source: '/nats-tests', id: '1' }),
      'ce-specversion': '1.0',
      'ce-id': '1',
      'ce-source': '/nats-tests',
      'ce-type': 'order.placed',
      'ce-subject': '%C3%A4%20b',
      'ce-datacontenttype': 'application/json',
      'ce-tenantid': 'acme',
    })
  })

  it('is known again by source and id', () => {
    const ids = [
      messageId({ source: '/a', id: 'b' }),
      messageId({ source: '/b', id: 'a' }),
      messageId({ source: '/ab', id: '' }),
      messageId({ source: '/a', id: 'b' }),
    ]
    expect(new Set(ids).size).toBe(3)
    for (const id of ids) expect(id).toMatch(/^[\w-]{43}$/)
  })

  it('comes back as it was', () => {
    for (const event of [
      eventOf({ key: '😀 "x"', context: '{"actor":"é","business":{"a b":"%"}}' }),
      eventOf({ data: Uint8Array.from({ length: 256 }, (_, at) => at), encoding: 'gzip' }),
      eventOf({ data: '' }),
    ])
      expect(decodeEvent(encodeEvent(event), now)).toEqual(event)
  })

  it('goes in structured mode where its attributes are too large for headers', () => {
    const event = eventOf({ context: JSON.stringify({ business: { note: 'é'.repeat(20_000) } }) })
    const { headers, body } = encodeEvent(event)
    expect(headers.length).toBeLessThan(65_536)
    expect(readHeaders(headers)).toMatchObject({
      'content-type': expect.stringContaining('application/cloudevents+json') as string,
    })
    expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({ id: event.id, specversion: '1.0' })
    expect(decodeEvent({ headers, body }, now)).toEqual(event)
  })

  it('keeps nothing of what was received alive but its own bytes', () => {
    const event = eventOf({ data: Uint8Array.of(1, 2, 3), encoding: 'zstd' })
    const { headers, body } = encodeEvent(event)
    const chunk = Buffer.alloc(65_536)
    chunk.set(body, 100)
    const data = decodeEvent({ headers, body: chunk.subarray(100, 103) }, now)?.data as Uint8Array
    expect(data.buffer.byteLength).toBe(3)
  })

  it.for([
    ['no headers', undefined, '{}'],
    ['headers of something else', 'X: y', '{}'],
    ['half a CloudEvent', 'ce-id: 1', '{}'],
    ['another version', 'ce-specversion: 9\r\nce-id: 1\r\nce-source: /a\r\nce-type: t', '{}'],
    ['an attribute twice', 'ce-specversion: 1.0\r\nce-id: 1\r\nce-id: 2\r\nce-source: /a\r\nce-type: t', '{}'],
    ['overlong UTF-8', 'ce-specversion: 1.0\r\nce-id: %C0%AF\r\nce-source: /a\r\nce-type: t', '{}'],
    ['broken structured JSON', 'content-type: application/cloudevents+json', '{"specversion":'],
    ['a batch', 'content-type: application/cloudevents-batch+json', '[]'],
    ['bad UTF-8 as JSON', 'ce-specversion: 1.0\r\nce-id: 1\r\nce-source: /a\r\nce-type: t', '\xff'],
  ] as const)('is none where it cannot be read: %s', ([, headers, body]) => {
    const block = headers === undefined ? undefined : Buffer.from(`NATS/1.0\r\n${headers}\r\n\r\n`)
    expect(decodeEvent({ headers: block, body: Buffer.from(body, 'latin1') }, now)).toBeUndefined()
  })
})
