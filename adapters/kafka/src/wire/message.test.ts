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

type Header = readonly [string | Uint8Array, string | Uint8Array | undefined]

function asRead(
  headers: readonly Header[] | Readonly<Record<string, string>>,
  value: string | Uint8Array | undefined,
): InRecord {
  const places: number[] = []
  const parts: Buffer[] = []
  let end = 0
  const put = (content: string | Uint8Array | undefined): void => {
    if (content === undefined) {
      places.push(-1, -1)
      return
    }
    const bytes = Buffer.from(content as string)
    parts.push(bytes)
    places.push(end, (end += bytes.length))
  }
  for (const [name, content] of Array.isArray(headers) ? (headers as Header[]) : Object.entries(headers)) {
    put(name)
    put(content)
  }
  return {
    offset: 0,
    key: undefined,
    value: value === undefined ? undefined : Buffer.from(value as string),
    headers: { bytes: Buffer.concat(parts), places },
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
      asRead(
        [...Object.entries(headers).filter(([name]) => name !== 'ce_id'), ['ce_id', Uint8Array.of(0xff, 0xfe)]],
        '{}',
      ),
      asRead([...Object.entries(headers).filter(([name]) => name !== 'ce_id'), ['ce_id', undefined]], '{}'),
      asRead([['__proto__', 'x']], '{}'),
      asRead(
        [
          ['', ''],
          [Uint8Array.of(0xff), undefined],
        ],
        '{}',
      ),
    ])
      expect(fromRecord(wrong, 0)).toBeUndefined()
  })

  it('may hold a header any number of times without costing more than once', () => {
    const { headers, value } = toMessage(event)
    const own = Object.entries(headers)
    const many = Array.from({ length: 200_000 }, (): Header => ['x-trace', '1'])
    expect(fromRecord(asRead([...own, ...many], value), 0)?.id).toBe('e-1')
    expect(fromRecord(asRead([...own, ['ce_id', 'e-2']], value), 0)).toBeUndefined()
  })

  it('have names and values that are known from before only where they are the same', () => {
    const { headers, value } = toMessage(event)
    for (const source of ['/one', '/two', '/one', '/größe%20', '/one', `/${'x'.repeat(200)}`, '/one']) {
      const read = fromRecord(asRead({ ...headers, ce_source: source, 'x-noise': source }, value), 0)
      expect(read?.source).toBe(source === '/größe%20' ? undefined : source)
    }
    const named = ['ce_colour', 'ce_colouR', 'ce_colouq', 'ce_xolour', 'ce_colour'].map((name) => {
      const read = fromRecord(asRead({ ...headers, [name]: 'green' }, value), 0)
      return Object.keys((JSON.parse(read?.context || '{}') as { extensions?: object }).extensions ?? {})
    })
    expect(named).toEqual([['colour'], ['colour'], ['colouq'], ['xolour'], ['colour']])
  })
})
