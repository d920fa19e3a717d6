import fc from 'fast-check'
import { fromStructured, toStructured } from 'tidings'
import { checksumOf, type EventRecord } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import { exactMark, recordOf } from './event-record.ts'
import { eventText } from './event-text.ts'
import { plainEventText } from './plain-event-text.ts'

function record(parts: Partial<EventRecord> = {}): EventRecord {
  const whole: EventRecord = {
    id: '019b76da-a800-7a99-92f7-93091d02afd0',
    source: '/shop',
    type: 'order.placed',
    version: '1.0.0',
    category: 'order',
    key: 'o-1',
    tenant: '',
    time: 1_767_225_600_123,
    priority: 2,
    correlation: '019b76da-a800-7a99-92f7-93091d02afd0',
    causation: '',
    context: '',
    data: '{"total":1}',
    encoding: '',
    checksum: '',
    seal: '',
    ...parts,
  }
  return { ...whole, checksum: parts.checksum ?? checksumOf(whole) }
}

const place = ({ tenant, category, key, time }: EventRecord) => ({ tenant, category, key, time })

/** Read back beside its place, as from the log, and by itself, as from a channel. */
function checkBack(one: EventRecord): void {
  const text = eventText(one)
  expect(() => JSON.parse(text)).not.toThrow()
  expect(recordOf(text, place(one))).toEqual(one)
  expect(recordOf(text)).toEqual(one)
}

const fullContext = JSON.stringify({
  userId: 'u-1',
  sessionId: 's-1',
  locationId: 'l-1',
  actor: 'user:u-1',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'a=1,b=2',
  business: { campaign: 'spring "26"', budget: 1e2, open: true },
})

const ordinary: readonly [title: string, parts: Partial<EventRecord>][] = [
  ['a plain event', {}],
  ['a stream of its own', { key: '019b76da-a800-7a99-92f7-93091d02afd0' }],
  ['a tenant, another correlation and a causation', { tenant: 'acme', correlation: 'c-1', causation: 'c-2' }],
  ['a category of its own', { category: 'orders' }],
  ['a legacy event', { version: '' }],
  ['each priority', { priority: 0 }],
  ['the lowest priority', { priority: 3 }],
  ['the beginning of time', { time: 0 }],
  ['the end of time', { time: 253_402_300_799_999 }],
  ['a whole context', { context: fullContext }],
  ['business alone', { context: '{"business":{"a":1}}' }],
  ['a seal', { seal: `key-1.${'A'.repeat(86)}` }],
  ['gzip', { data: Uint8Array.of(31, 139, 0, 255), encoding: 'gzip' }],
  ['zstd', { data: Uint8Array.of(40, 181), encoding: 'zstd' }],
  ['a source with a scheme', { source: 'https://shop.example/eu' }],
  ['data with spaces in it', { data: '{ "b": 1,\n "a": 1e2, "b": 2 }' }],
  ['data that speaks of data', { data: '{"x":",\\"data\\":1","data":{"data_base64":""}}' }],
]

const odd: readonly [title: string, parts: Partial<EventRecord>][] = [
  ['a source that is no URI', { source: '/käse "1"' }],
  ['a source of nothing but a hash', { source: 'a#b#c' }],
  ['a version that is none', { version: 'latest' }],
  ['a seal that is none', { seal: 'c2VhbA' }],
  ['a checksum that is none', { checksum: 'x' }],
  ['a context of something else', { context: '{"text":"é"}' }],
  ['a context in another order', { context: '{"actor":"a","userId":"u"}' }],
  ['a context that is not JSON', { context: 'not json' }],
  ['a context with an extension', { context: '{"extensions":{"comexampleone":"1","flag":true,"count":3}}' }],
  ['another content type', { context: '{"extensions":{"datacontenttype":"text/plain"}}', data: '"words"' }],
  ['bytes of another content type', { context: '{"extensions":{"data_base64":true}}', data: '"AAEC"' }],
  ['no correlation', { correlation: '' }],
  ['no key', { key: '' }],
  ['no category', { category: '' }],
  ['no id', { id: '' }],
  ['a priority that is none', { priority: 7 }],
  ['a time in between', { time: 1.5 }],
  ['a time before 1970', { time: -1 }],
  ['no data', { data: '' }],
  ['data that is not JSON', { data: '{"a":' }],
  ['data that closes the object', { data: '1},"id":"2","x":{"y":1' }],
  ['bytes without an encoding', { data: Uint8Array.of(0, 1, 255) }],
  ['text that says it is gzip', { data: '{"a":1}', encoding: 'gzip' }],
  ['an encoding that nobody knows', { data: Uint8Array.of(1), encoding: 'br' }],
  ['names of prototypes', { id: '__proto__', key: 'constructor', type: 'toString', data: '{"__proto__":1}' }],
  ['quotes and backslashes', { key: 'a"b\\c', type: 'a"b', category: 'c"d', tenant: '\\' }],
  ['control characters', { key: 'a\tb', tenant: 'a\u0085b' }],
  ['a long name', { key: 'x'.repeat(5_000) }],
  ['characters of everywhere', { key: 'é e\u0301 😀 ﬁ İ', tenant: '日本', data: '"😀"' }],
]

describe('eventText', () => {
  it.each(ordinary)(
    'gives back %s, is written the short way, and any reader of CloudEvents reads the same',
    (_, parts) => {
      const one = record(parts)
      checkBack(one)
      expect(plainEventText(one)).toBeDefined()
      const read = fromStructured(eventText(one), { now: 0 })
      // Data is the same JSON, though not always the same text.
      const { data, ...rest } = one
      expect(read).toMatchObject(rest)
      if (typeof data === 'string') expect(JSON.parse(String(read.data))).toEqual(JSON.parse(data))
      else expect(Buffer.compare(read.data as Uint8Array, data)).toBe(0)
    },
  )

  it('is what the codec writes, but for what goes without saying', () => {
    const one = record({ tenant: 'acme', context: fullContext, causation: 'c-2', priority: 1, category: 'orders' })
    const { partitionkey, datacontenttype, correlationid, ...rest } = JSON.parse(toStructured(one)) as Record<
      string,
      unknown
    >
    expect([partitionkey, datacontenttype, correlationid]).toEqual(['acme/orders/o-1', 'application/json', one.id])
    expect(JSON.parse(eventText(one))).toEqual(rest)
  })

  it.each(odd)('gives back %s', (_, parts) => {
    checkBack(record(parts))
  })

  it('says in its first letters where CloudEvents alone could not carry it', () => {
    expect(eventText(record({ source: 'no uri at all' })).startsWith(exactMark)).toBe(true)
    expect(eventText(record({ key: 'é' })).startsWith(exactMark)).toBe(false)
  })

  it('gives back whatever a record may hold', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', '/shop', 'order.placed', '1.0.0', ',"data":'),
    )
    const anyRecord = fc.record({
      id: text,
      source: text,
      type: text,
      version: text,
      category: text,
      key: text,
      tenant: text,
      time: fc.oneof(
        fc.integer({ min: 0, max: 253_402_300_799_999 }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
      ),
      priority: fc.integer({ min: -1, max: 5 }),
      correlation: text,
      causation: text,
      context: fc.oneof(text, fc.json(), fc.constant(fullContext)),
      data: fc.oneof(text, fc.json(), fc.uint8Array()),
      encoding: fc.constantFrom('', 'gzip', 'zstd', 'br'),
      seal: text,
    })
    fc.assert(
      fc.property(anyRecord, (parts) => {
        fc.pre(!Object.is(parts.time, -0))
        checkBack(record({ ...parts, data: typeof parts.data === 'string' ? parts.data : new Uint8Array(parts.data) }))
      }),
      { numRuns: 200 },
    )
  })
})

describe('recordOf', () => {
  it.each([
    '',
    'null',
    '[]',
    '{}',
    '{"id":1}',
    '{"id":"a","source":"/b","type":{},"data":1}',
    '{"specversion":"1.0","id":"a"',
    '{"tidings":"{","id":"a"}',
    '{"tidings":"{\\"id\\":{\\"base64\\":1}}","id":"a"}',
    `{"a":${'['.repeat(100_000)}`,
  ])('throws at what is no event: %.40s', (text) => {
    expect(() => recordOf(text, { tenant: '', category: 'c', key: 'k', time: 0 })).toThrow()
  })

  it('takes no field from the exact part that a record has not', () => {
    const one = recordOf(
      '{"tidings":"{\\"__proto__\\":{\\"bad\\":1},\\"toString\\":\\"x\\"}","id":"a","source":"/s","type":"t"}',
    )
    expect(Object.getPrototypeOf(one)).toBe(Object.prototype)
    expect(Object.hasOwn(one, 'toString')).toBe(false)
    expect((one as unknown as { bad?: unknown }).bad).toBeUndefined()
  })
})
