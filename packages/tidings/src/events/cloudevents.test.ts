import { deepStrictEqual } from 'node:assert'
import { readFileSync, writeFileSync } from 'node:fs'

import fc from 'fast-check'
import { expect, test } from 'vitest'

import {
  cloudEventBindings,
  fromBinary,
  fromMessage,
  modeOf,
  toBinary,
  toStructuredMessage,
} from './cloudevents-binary.ts'
import { fromBatch, fromCloudEvent, fromStructured, toBatch, toCloudEvent, toStructured } from './cloudevents-json.ts'
import { buildEvent, type EventParts, priorities } from './event.ts'
import { type Json, plain } from './plain.ts'
import type { EventRecord } from './record.ts'
import { compressRecord, eventOf, plainRecord, recordOf, verifyChecksum } from './record-codec.ts'

const options = { now: 1_767_225_600_000 }

function record(parts: Partial<EventParts<unknown>> = {}): EventRecord {
  return recordOf(
    buildEvent({
      id: '01912f6e-7c1a-7000-8000-0242ac120002',
      source: '/orders',
      type: 'order.placed',
      version: '2.0.0',
      category: 'order',
      key: 'o-1',
      timestamp: 1_767_225_600_123,
      priority: 'high',
      context: {
        tenantId: 'acme',
        userId: 'u-1',
        sessionId: 's-1',
        locationId: 'l-1',
        actor: 'user:u-1',
        correlationId: 'c-1',
        causationId: 'e-0',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        tracestate: 'vendor=value',
        business: { campaign: 'Frühling "26"', step: 3, test: false },
      },
      data: plain({
        orderId: 'o-1',
        customer: 'Zoë €5 100%',
        total: 99.9,
        lines: [{ sku: 'a', count: 2 }],
        note: null,
      }),
      ...parts,
    }),
  )
}

function bare(from: EventRecord) {
  const { event: _event, fresh: _fresh, ...rest } = plainRecord(from)
  return rest
}

/** Files hold what released versions wrote; today's code must write and read the same. */
function golden(name: string, written: string): string {
  const file = new URL(`golden/${name}`, import.meta.url)
  if (process.env.TIDINGS_WRITE_GOLDEN === '1') writeFileSync(file, `${written}\n`)
  return readFileSync(file, 'utf8').trimEnd()
}

test('the structured form of a known event never changes, and reads back', () => {
  const written = toStructured(record())
  expect(written).toBe(golden('order-placed.structured.json', written))
  const read = fromStructured(written, options)
  verifyChecksum(read)
  expect(read).toEqual(bare(record()))
})

test.each(Object.entries(cloudEventBindings))(
  'the %s form of a known event never changes, and reads back',
  (name, binding) => {
    const message = toBinary(record(), binding)
    const written = JSON.stringify(message, null, 2)
    expect(written).toBe(golden(`order-placed.${name}.json`, written))
    const [read] = fromMessage(message, binding, options)
    verifyChecksum(read as EventRecord)
    expect(read).toEqual(bare(record()))
  },
)

test('structured JSON has lower-case attributes, data as a value and the version as a URI', () => {
  expect(toCloudEvent(record())).toMatchObject({
    specversion: '1.0',
    id: '01912f6e-7c1a-7000-8000-0242ac120002',
    source: '/orders',
    type: 'order.placed',
    subject: 'o-1',
    time: '2026-01-01T00:00:00.123Z',
    datacontenttype: 'application/json',
    dataschema: 'urn:tidings:schema:order.placed:2.0.0',
    tenantid: 'acme',
    userid: 'u-1',
    partitionkey: 'acme/order/o-1',
    priority: 'high',
    business: '{"campaign":"Frühling \\"26\\"","step":3,"test":false}',
    data: { orderId: 'o-1', note: null },
  })
  for (const name of Object.keys(toCloudEvent(record()))) expect(name).toMatch(/^[a-z0-9]+$/)
})

test('HTTP and NATS headers are percent-encoded ASCII, Kafka and AMQP headers are plain', () => {
  const odd = record({ key: 'Euro € "x" 100% ~!', context: {} })
  expect(toBinary(odd, cloudEventBindings.http).headers['ce-subject']).toBe('Euro%20%E2%82%AC%20%22x%22%20100%25%20~!')
  expect(toBinary(odd, cloudEventBindings.nats).headers['ce-datacontenttype']).toBe('application/json')
  expect(toBinary(odd, cloudEventBindings.http).headers).not.toHaveProperty('ce-datacontenttype')
  expect(toBinary(odd, cloudEventBindings.kafka).headers.ce_subject).toBe('Euro € "x" 100% ~!')
  expect(toBinary(odd, cloudEventBindings.amqp).headers.cloudEvents_subject).toBe('Euro € "x" 100% ~!')
})

const text = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((value) => !/[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u.test(value))
const hostileText = fc.oneof(
  text,
  fc.constantFrom(
    '"quoted"',
    '%41',
    '100%',
    ' ',
    'ä'.repeat(20),
    '%C0%A0',
    '\\"',
    '😀',
    'ce-id',
    '__proto__',
    'constructor',
  ),
)
const records = fc
  .record({
    id: hostileText,
    key: hostileText,
    type: fc.constantFrom('order.placed', 'a', 'com.example/thing.v2', 'x.y.z'),
    category: fc.constantFrom('order', 'a', 'elsewhere'),
    version: fc.constantFrom('', '1.0.0', '12.3.4'),
    timestamp: fc.integer({ min: 0, max: 253_402_300_799_999 }),
    priority: fc.constantFrom(...priorities),
    context: fc.record(
      {
        tenantId: hostileText,
        userId: hostileText,
        sessionId: hostileText,
        locationId: hostileText,
        actor: hostileText,
        correlationId: hostileText,
        causationId: hostileText,
        traceparent: text,
        tracestate: text,
        business: fc.dictionary(
          fc.string({ maxLength: 8 }).filter((name) => name !== '__proto__'),
          fc.oneof(
            fc.string({ unit: fc.constantFrom('a', '"', '\u0085', '\uffff', '\u{1ffff}', '€', '\\') }),
            fc.boolean(),
            fc.integer(),
          ),
        ),
        extensions: fc.dictionary(
          fc.stringMatching(/^x[a-z0-9]{0,8}$/),
          fc.oneof(hostileText, fc.boolean(), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
        ),
      },
      { requiredKeys: [] },
    ),
    data: fc.oneof(
      fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes('__proto__')),
      fc.string({ unit: 'binary' }).filter((value) => value.isWellFormed()),
      fc.constant(undefined),
    ),
  })
  .map(({ data, context, ...rest }) =>
    record({ ...rest, context, data: data === undefined ? undefined : plain(data as Json) }),
  )

test('every event survives every binding with its checksum', () => {
  fc.assert(
    fc.property(records, (original) => {
      const expected = bare(original)
      const read = [
        fromStructured(toStructured(original), options),
        fromStructured(Buffer.from(toStructured(expected)), options),
        fromCloudEvent(toCloudEvent(original), options),
        ...fromBatch(toBatch([original]), options),
        ...Object.values(cloudEventBindings).map((binding) =>
          fromBinary(toBinary(original, binding), binding, options),
        ),
        ...Object.values(cloudEventBindings).map((binding) =>
          fromBinary(asBytes(toBinary(original, binding)), binding, options),
        ),
        ...fromMessage(toStructuredMessage(original), cloudEventBindings.kafka, options),
      ]
      for (const one of read) {
        deepStrictEqual(one, expected)
        verifyChecksum(one)
        deepStrictEqual(JSON.stringify(eventOf(one)), JSON.stringify(eventOf(expected)))
      }
    }),
    { numRuns: 200 },
  )
})

/** As Kafka and AMQP clients hand them out. */
function asBytes(message: { headers: Readonly<Record<string, string>>; body: string | Uint8Array | undefined }) {
  return {
    headers: Object.fromEntries(
      Object.entries(message.headers).map(([name, value]) => [name.toUpperCase(), Buffer.from(value)]),
    ),
    body: message.body === undefined ? undefined : Buffer.from(message.body),
  }
}

test.each(['gzip', 'zstd'] as const)('data compressed with %s travels as it is in every binding', async (algorithm) => {
  const original = await compressRecord(record({ data: plain({ text: 'again '.repeat(2_000) }) }), { algorithm })
  expect(toCloudEvent(original)).toMatchObject({
    datacontenttype: `application/${algorithm}`,
    contentencoding: algorithm,
    data_base64: expect.any(String),
  })
  const read = [
    fromStructured(toStructured(original), options),
    ...Object.values(cloudEventBindings).map((binding) => fromBinary(toBinary(original, binding), binding, options)),
  ]
  for (const one of read) {
    verifyChecksum(one)
    expect(eventOf(one).data).toEqual({ text: 'again '.repeat(2_000) })
  }
})

test('an event that nobody defined is taken as it is', () => {
  const read = fromCloudEvent(
    {
      specversion: '1.0',
      id: 'A-1',
      source: 'https://example.com/x',
      type: 'com.example.thing.happened',
      data: { a: 1 },
    },
    options,
  )
  expect(read).toMatchObject({
    category: 'com.example.thing',
    key: 'A-1',
    version: '',
    tenant: '',
    time: options.now,
    priority: 2,
    correlation: 'A-1',
    causation: '',
    data: '{"a":1}',
  })
  expect(eventOf(read)).toMatchObject({ legacy: true, key: 'A-1', data: { a: 1 } })
})

test('the version comes from the schema, else from the data version', () => {
  const version = (more: object) =>
    fromCloudEvent({ specversion: '1.0', id: '1', source: '/x', type: 'a.b', ...more }, options).version
  expect(version({ dataschema: 'urn:tidings:schema:a.b:1.2.3' })).toBe('1.2.3')
  expect(version({ dataschema: 'urn:tidings:schema:other:1.2.3' })).toBe('1.2.3')
  expect(version({ dataschema: 'https://schemas.example.com/a.b/4.5.6.json' })).toBe('4.5.6')
  expect(version({ dataschema: 'https://schemas.example.com/a.b/v4.5.6' })).toBe('4.5.6')
  expect(version({ dataschema: 'https://schemas.example.com/a.b' })).toBe('')
  expect(version({ dataversion: '2.0.0' })).toBe('2.0.0')
  expect(version({ dataversion: 'two' })).toBe('')
})

const foreign = {
  specversion: '1.0',
  id: 'C234-1234-1234',
  source: '/mycontext',
  type: 'com.example.someevent',
  subject: 'C234-1234-1234',
  time: '2018-04-05T17:31:00.123456+02:00',
  dataschema: 'https://example.com/schema',
  comexampleextension1: 'value',
  comexampleothervalue: 5,
  comexampleflag: true,
  priority: 'urgent',
  business: 'retail',
  checksum: 'crc:17',
  partitionkey: 'p',
  sequence: '00000012',
}

test.each([
  ['JSON', { datacontenttype: 'application/vnd.example+json; charset=utf-8', data: { appinfoA: 'abc' } }],
  ['text', { datacontenttype: 'text/xml', data: '<much wow="xml"/>' }],
  ['text with control characters', { datacontenttype: 'text/plain', data: 'a\u0000b' }],
  ['bytes', { datacontenttype: 'application/octet-stream', data_base64: Buffer.from([0, 255, 7]).toString('base64') }],
  [
    'bytes that look like text',
    { datacontenttype: 'application/octet-stream', data_base64: Buffer.from('hello').toString('base64') },
  ],
  ['bytes without a content type', { data_base64: Buffer.from('hello').toString('base64') }],
  ['no data but a content type', { datacontenttype: 'text/plain' }],
  ['an explicit null', { datacontenttype: 'application/json', data: null }],
  ['a JSON string', { datacontenttype: 'application/json', data: 'text' }],
])('everything of a foreign event with %s goes on as it came', (_, content) => {
  const event = { ...foreign, ...content }
  const read = fromCloudEvent(event, options)
  expect(toCloudEvent(read)).toEqual({ ...event, correlationid: event.id })
  for (const binding of Object.values(cloudEventBindings)) {
    const passed = fromBinary(asBytes(toBinary(read, binding)), binding, options)
    expect(passed).toEqual(read)
    expect(toCloudEvent(passed)).toEqual({ ...event, correlationid: event.id })
  }
})

test('implied JSON is said explicitly when it goes on, absent data stays absent', () => {
  const base = { specversion: '1.0', id: '1', source: '/x', type: 'a.b' }
  expect(toCloudEvent(fromCloudEvent({ ...base, data: 5 }, options))).toMatchObject({
    datacontenttype: 'application/json',
    data: 5,
  })
  const absent = toCloudEvent(fromCloudEvent(base, options))
  expect(absent).not.toHaveProperty('data')
  expect(absent).not.toHaveProperty('datacontenttype')
  expect(toBinary(fromCloudEvent(base, options), cloudEventBindings.kafka).body).toBeUndefined()
  expect(toBinary(fromCloudEvent({ ...base, data: null }, options), cloudEventBindings.kafka).body).toBe('null')
  expect(eventOf(fromCloudEvent(base, options)).data).toBeUndefined()
  expect(eventOf(fromCloudEvent({ ...base, data: null }, options)).data).toBeNull()
})

test('an attribute of null is absent', () => {
  const base = { specversion: '1.0', id: '1', source: '/x', type: 'a.b' }
  const nulls = {
    ...base,
    subject: null,
    tenantid: null,
    time: null,
    dataschema: null,
    datacontenttype: null,
    data_base64: null,
    other: null,
  }
  expect(fromCloudEvent(nulls, options)).toEqual(fromCloudEvent(base, options))
})

test('JSON that was wrapped as bytes is data like any other', () => {
  const read = fromCloudEvent(
    {
      specversion: '1.0',
      id: '1',
      source: '/x',
      type: 'a.b',
      datacontenttype: 'application/json',
      data_base64: Buffer.from('{"a": 1}').toString('base64'),
    },
    options,
  )
  expect(read.data).toBe('{"a":1}')
})

const wrong: [string, unknown, Record<string, unknown>][] = [
  ['specversion', undefined, {}],
  ['specversion', '0.3', {}],
  ['id', undefined, {}],
  ['id', '', {}],
  ['id', 5, {}],
  ['id', 'x'.repeat(1_001), {}],
  ['source', '', {}],
  ['source', 'not a reference', {}],
  ['source', '1:2', {}],
  ['type', null, {}],
  ['subject', '', {}],
  ['subject', 'a\u0000b', {}],
  ['subject', 'a\u0085b', {}],
  ['subject', 'a\uffffb', {}],
  ['subject', 'x'.repeat(1_001), {}],
  ['time', '2018-04-05', {}],
  ['time', '2018-02-30T00:00:00Z', {}],
  ['time', '2018-04-05T24:00:00Z', {}],
  ['time', 5, {}],
  ['dataschema', '/relative', {}],
  ['datacontenttype', 'json', {}],
  ['datacontenttype', '', {}],
  ['bad_name', 'x', {}],
  ['Capital', 'x', {}],
  ['ext', 2 ** 31, {}],
  ['ext', 1.5, {}],
  ['ext', {}, {}],
  ['ext', [], {}],
  ['ext', 'x'.repeat(70_000), {}],
  ['data_base64', 'no base64!', {}],
  ['data_base64', 5, {}],
  ['data_base64', 'aGk=', { data: 1 }],
  ['data', { a: 1 }, { datacontenttype: 'text/plain' }],
]

test.each(wrong)('%s of %j is refused by name and without its value', (name, value, more) => {
  const event: Record<string, unknown> = {
    specversion: '1.0',
    id: '1',
    source: '/x',
    type: 'a.b',
    ...more,
    [name]: value,
  }
  if (value === undefined) delete event[name]
  const read = () => fromCloudEvent(event, options)
  expect(read).toThrow(
    expect.objectContaining({
      code: 'TIDINGS_INVALID_EVENT',
      details: expect.objectContaining({ field: name.slice(0, 80), rule: expect.any(String) }),
    }),
  )
})

test.each([
  '',
  'null',
  '[]',
  '5',
  '"x"',
  '{',
  '{"specversion":"1.0"',
  '{"a":1e999}',
  `{"data":${'['.repeat(200_000)}`,
  `${'{"data":'.repeat(150)}1${'}'.repeat(150)}`,
])('structured text %# that is no event is refused with a code', (broken) => {
  expect(() => fromStructured(broken, options)).toThrow(
    expect.objectContaining({ code: expect.stringMatching(/^TIDINGS_(UNDECODABLE|INVALID_EVENT)$/) }),
  )
})

test('a prototype cannot be smuggled in through any member', () => {
  const base = '"specversion":"1.0","id":"1","source":"/x","type":"a.b"'
  for (const bad of [`{${base},"__proto__":{"admin":true}}`, `{${base},"data":{"a":{"__proto__":{"admin":true}}}}`]) {
    expect(() => fromStructured(bad, options)).toThrow(
      expect.objectContaining({ code: 'TIDINGS_UNDECODABLE', message: expect.stringContaining('__proto__') }),
    )
  }
  const read = fromBinary(
    {
      headers: {
        ce_specversion: '1.0',
        ce_id: '1',
        ce_source: '/x',
        ce_type: 'a.b',
        ce_constructor: 'x',
        ce_tostring: 'y',
      },
      body: '1',
    },
    cloudEventBindings.kafka,
    options,
  )
  expect(eventOf(read).context.extensions).toEqual({ constructor: 'x', tostring: 'y' })
  expect(() =>
    fromBinary(
      { headers: { ce_specversion: '1.0', ce_id: '1', ce_source: '/x', ce_type: 'a.b', ce___proto__: 'x' } },
      cloudEventBindings.kafka,
      options,
    ),
  ).toThrow('lower-case')
})

test('stored text from elsewhere cannot close the envelope and open another', () => {
  const forged = { ...bare(record()), data: '1,"tenantid":"evil"' }
  expect(() => toStructured(forged)).toThrow(expect.objectContaining({ code: 'TIDINGS_UNDECODABLE' }))
  const context = '{"extensions":{"id":"evil","tenantid":"evil","source":"evil"}}'
  expect(toCloudEvent({ ...bare(record()), context })).toMatchObject({
    id: record().id,
    tenantid: 'acme',
    source: '/orders',
  })
})

test('what no CloudEvent can carry is refused when it is written', () => {
  for (const [parts, field] of [
    [{ source: 'my service' }, 'source'],
    [{ key: 'a\uffffb' }, 'subject'],
    [{ context: { tenantId: 'a\nb' } }, 'tenantid'],
  ] as const) {
    expect(() => toStructured(record(parts))).toThrow(
      expect.objectContaining({ code: 'TIDINGS_INVALID_EVENT', details: expect.objectContaining({ field }) }),
    )
  }
})

test('percent-encoded headers are decoded one round, unquoted first, and never as broken UTF-8', () => {
  const read = (subject: string) =>
    fromBinary(
      {
        headers: { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/x', 'ce-type': 'a.b', 'ce-subject': subject },
      },
      cloudEventBindings.http,
      options,
    ).key
  expect(read('Euro%20%E2%82%AC%20%F0%9F%98%80')).toBe('Euro € 😀')
  expect(read('%25e2%2582')).toBe('%e2%82')
  expect(read('"a \\"b\\" %41"')).toBe('a "b" A')
  expect(read('100%')).toBe('100%')
  for (const broken of ['%C0%A0', '%E2%82', '%FF', '%ED%A0%80'])
    expect(() => read(broken), broken).toThrow(expect.objectContaining({ code: 'TIDINGS_INVALID_EVENT' }))
})

test('the mode is told by content type, batch before structured, else by headers', () => {
  const { http, kafka } = cloudEventBindings
  expect(modeOf({ headers: { 'Content-Type': 'Application/CloudEvents+JSON; charset=utf-8' } }, http)).toBe(
    'structured',
  )
  expect(modeOf({ headers: { 'content-type': 'application/cloudevents-batch+json' } }, http)).toBe('batch')
  expect(modeOf({ headers: { 'content-type': 'application/json', 'Ce-Id': '1' } }, http)).toBe('binary')
  expect(modeOf({ headers: { 'content-type': 'application/json', 'ce-id': '1' } }, kafka)).toBeUndefined()
  expect(modeOf({ headers: {} }, http)).toBeUndefined()
  expect(() => fromMessage({ headers: {} }, http, options)).toThrow(
    expect.objectContaining({ code: 'TIDINGS_INVALID_EVENT' }),
  )
  expect(() => fromMessage({ headers: { 'content-type': 'application/cloudevents+avro' } }, http, options)).toThrow(
    'no other format',
  )
})

test('a batch is read only where it is asked for, within its bound, and names the event that is wrong', () => {
  const message = {
    headers: { 'content-type': 'application/cloudevents-batch+json' },
    body: toBatch([record(), record({ id: 'e-2' })]),
  }
  expect(() => fromMessage(message, cloudEventBindings.http, options)).toThrow('must not be a batch')
  expect(fromMessage(message, cloudEventBindings.http, { ...options, batch: true }).map(({ id }) => id)).toEqual([
    record().id,
    'e-2',
  ])
  expect(fromBatch('[]', options)).toEqual([])
  expect(() => fromBatch(message.body, { ...options, maxEvents: 1 })).toThrow(
    expect.objectContaining({ code: 'TIDINGS_TOO_LARGE' }),
  )
  expect(() => fromBatch(`[${toStructured(record())},{}]`, options)).toThrow(
    expect.objectContaining({ details: expect.objectContaining({ index: 1, field: 'specversion' }) }),
  )
  expect(() => fromBatch('{}', options)).toThrow(expect.objectContaining({ code: 'TIDINGS_INVALID_EVENT' }))
})

test('AMQP reads either separator and native types', () => {
  const headers = {
    'cloudEvents:specversion': '1.0',
    'cloudEvents:id': '1',
    'cloudEvents:source': '/x',
    'cloudEvents:type': 'a.b',
    'cloudEvents:time': new Date(5_000),
    'cloudEvents:count': 7,
  }
  const read = fromBinary({ headers }, cloudEventBindings.amqp, options)
  expect(read).toMatchObject({ id: '1', time: 5_000 })
  expect(eventOf(read).context.extensions).toEqual({ count: 7 })
  expect(() => fromBinary({ headers: { ...headers, cloudEvents_id: '2' } }, cloudEventBindings.amqp, options)).toThrow(
    'must not come twice',
  )
})

test('a byte order mark before JSON is not part of it', () => {
  const headers = {
    ce_specversion: '1.0',
    ce_id: '1',
    ce_source: '/x',
    ce_type: 'a.b',
    'content-type': 'application/json',
  }
  for (const body of ['\ufeff{"a":1}', Buffer.from('\ufeff{"a":1}')]) {
    expect(fromBinary({ headers, body }, cloudEventBindings.kafka, options).data).toBe('{"a":1}')
  }
})

test('a content type that comes twice must be the same', () => {
  const headers = {
    ce_specversion: '1.0',
    ce_id: '1',
    ce_source: '/x',
    ce_type: 'a.b',
    'content-type': 'text/plain',
    ce_datacontenttype: 'text/plain',
  }
  expect(eventOf(fromBinary({ headers, body: Buffer.from('a') }, cloudEventBindings.kafka, options)).data).toBe('a')
  expect(() =>
    fromBinary({ headers: { ...headers, ce_datacontenttype: 'application/json' } }, cloudEventBindings.kafka, options),
  ).toThrow('must not differ')
})

test('headers that come several times, or in no form of text, are refused', () => {
  const headers = { 'ce-specversion': ['1.0'], 'ce-id': '1', 'ce-source': '/x', 'ce-type': 'a.b' }
  expect(fromBinary({ headers }, cloudEventBindings.nats, options).id).toBe('1')
  for (const more of [
    { 'ce-subject': ['a', 'b'] },
    { 'ce-subject': {} },
    { 'CE-ID': '2' },
    { 'ce-subject': Buffer.from([255]) },
  ]) {
    expect(() => fromBinary({ headers: { ...headers, ...more } }, cloudEventBindings.nats, options)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^TIDINGS_(INVALID_EVENT|UNDECODABLE)$/) }),
    )
  }
})
