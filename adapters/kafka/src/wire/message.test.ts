import { checksumOf, type EventRecord, murmur2, partitionOf } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import type { InRecord } from './batch-reader.ts'
import { fromRecord, keyOf, toMessage } from './message.ts'

const parts = {
  id: 'e-1',
  source: '/shop',
  type: 'order.placed',
  version: '1.0.0',
  category: 'order',
  key: 'o-1',
  tenant: 'acme',
  time: 1_700_000_000_000,
  priority: 2,
  correlation: 'e-1',
  causation: '',
  context: '',
  data: '{"total":1}',
  encoding: '',
}
const event: EventRecord = { ...parts, checksum: checksumOf(parts), seal: '' }

function asRead(headers: Readonly<Record<string, string>>, value: string | Uint8Array | undefined): InRecord {
  return {
    offset: 0,
    key: undefined,
    value: value === undefined ? undefined : Buffer.from(value),
    headers: Object.entries(headers).map(([name, content]) => [Buffer.from(name), Buffer.from(content)]),
  }
}

describe('messages', () => {
  it('have the stream as their key, so that tenants are told apart and people can read it', () => {
    expect(toMessage(event).key).toBe('acme/order/o-1')
    expect(keyOf({ ...event, tenant: '' })).toBe('/order/o-1')
    expect(toMessage(event).headers.ce_partitionkey).toBe('acme/order/o-1')
  })

  it("go to the partition that Kafka's own clients would choose", () => {
    // From UtilsTest of Apache Kafka.
    const vectors: [string, number][] = [
      ['21', -973932308],
      ['foobar', -790332482],
      ['a-little-bit-long-string', -985981536],
      ['a-little-bit-longer-string', -1486304829],
      ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
      ['abc', 479470107],
    ]
    for (const [text, hash] of vectors) {
      expect(murmur2(Buffer.from(text)) | 0).toBe(hash)
      expect(partitionOf(text, 7)).toBe((hash & 0x7fff_ffff) % 7)
    }
  })

  it('come back as the event they were', () => {
    const { headers, value } = toMessage(event)
    expect(fromRecord(asRead(headers, value), 0)).toEqual(event)
    const zipped = { ...event, data: Uint8Array.of(31, 139, 0), encoding: 'gzip' }
    const whole = { ...zipped, checksum: checksumOf(zipped) }
    const message = toMessage(whole)
    expect(fromRecord(asRead(message.headers, message.value), 0)).toEqual(whole)
    const empty = { ...event, data: '' }
    expect(toMessage(empty).value).toBeUndefined()
  })

  it('are no events where their headers make none', () => {
    const { headers } = toMessage(event)
    for (const wrong of [
      asRead({}, '{}'),
      asRead({ ...headers, ce_specversion: '0.3' }, '{}'),
      asRead({ ...headers, ce_type: '' }, '{}'),
      asRead({ 'content-type': 'application/cloudevents+json' }, '{"specversion":'),
      asRead({ 'content-type': 'application/cloudevents-batch+json' }, '[]'),
      { ...asRead(headers, '{}'), headers: [[Buffer.from('ce_id'), Buffer.of(0xff, 0xfe)] as const] },
      { ...asRead({}, '{}'), headers: [[Buffer.from('__proto__'), Buffer.from('x')] as const] },
    ])
      expect(fromRecord(wrong, 0)).toBeUndefined()
  })

  it('may hold a header any number of times without costing more than once', () => {
    const many = Array.from({ length: 200_000 }, () => [Buffer.from('x-trace'), Buffer.from('1')] as const)
    const { headers, value } = toMessage(event)
    const message = asRead(headers, value)
    expect(fromRecord({ ...message, headers: [...message.headers, ...many] }, 0)?.id).toBe('e-1')
    const [id] = message.headers.filter(([name]) => name.toString() === 'ce_id')
    expect(fromRecord({ ...message, headers: [...message.headers, id as never] }, 0)).toBeUndefined()
  })
})
