import { toStructured } from 'tidings'
import { checksumOf, type EventRecord, streamText } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import { eventText } from '../events/event-text.ts'
import { readMessage } from './read-message.ts'

const now = 1_767_225_600_000

function record(parts: Partial<EventRecord> = {}): EventRecord {
  const whole: EventRecord = {
    id: 'e-1',
    source: '/shop',
    type: 'order.placed',
    version: '1.0.0',
    category: 'order',
    key: 'o-1',
    tenant: '',
    time: now,
    priority: 2,
    correlation: 'e-1',
    causation: '',
    context: '',
    data: '{"total":1}',
    encoding: '',
    checksum: '',
    seal: '',
    ...parts,
  }
  return { ...whole, checksum: checksumOf(whole) }
}

const read = (text: string) => readMessage(Buffer.from(text), now)

describe('a message of Redis Pub/Sub', () => {
  it.each<[title: string, parts: Partial<EventRecord>]>([
    ['plain', {}],
    [
      'of a tenant, a category of its own and another correlation',
      { tenant: 'acme', category: 'orders', correlation: 'c' },
    ],
    ['whose data is written in another way', { data: '{ "b": 1,\n "a": 1e2, "b": 2 }' }],
    ['whose context is written in another way', { context: '{"actor":"a","userId":"u"}' }],
    ['with attributes of others', { context: '{"extensions":{"comexampleone":"1","flag":true,"count":3}}' }],
    ['of another content type', { context: '{"extensions":{"datacontenttype":"text/plain"}}', data: '"words"' }],
    ['with names beyond ASCII', { key: 'käse/日本', tenant: 'é' }],
    ['that is compressed', { data: Uint8Array.of(31, 139, 0, 255), encoding: 'gzip' }],
    ['without data', { data: '' }],
    ['that is its own stream', { key: 'e-1', version: '', priority: 0 }],
  ])('gives an event back as it was: %s', (_, parts) => {
    const one = record(parts)
    expect(read(eventText(one))).toEqual({ record: one, stream: streamText(one) })
  })

  it.each<[title: string, parts: Partial<EventRecord>]>([
    ['U+0000 in its key', { key: 'o\0' }],
    ['U+0000 in its category', { category: 'order\0' }],
    ['U+0000 in its tenant', { tenant: '\0' }],
    ['U+0000 in its type', { type: 'order.placed\0' }],
    ['U+0000 in its id', { id: 'e\0' }],
    ['U+0000 in its correlation', { correlation: 'c\0' }],
    ['U+0000 in its causation', { causation: 'c\0' }],
    ['the separator of streams in its key', { key: 'a\u001fb' }],
    ['the separator of streams in its category', { category: 'a\u001fb' }],
    ['half a surrogate pair in its key', { key: 'o\ud800' }],
    ['a noncharacter in its key', { key: 'o\uffff' }],
    ['a key that is too long', { key: 'k'.repeat(1_001) }],
    ['a source that is no URI', { source: '/käse "1"' }],
    ['no id', { id: '' }],
  ])('is no event with %s, however well its checksum fits', (_, parts) => {
    const text = eventText(record(parts))
    expect(read(text)).toEqual({ record: undefined, stream: '', raw: new Uint8Array(Buffer.from(text)) })
  })

  it.each<[field: string, value: unknown]>([
    ['time', '2026'],
    ['time', 1.5],
    ['priority', 99],
    ['priority', 'urgent'],
    ['context', 5],
    ['context', 'not JSON'],
    ['tenant', 7],
    ['seal', ['a']],
    ['version', 'latest'],
    ['encoding', 'gzip'],
    ['encoding', 'lzma'],
    ['key', ''],
    ['key', 'a\u001fb'],
    ['category', 'order\0'],
  ])('is read as CloudEvents where its exact part says that `%s` is %j', (field, value) => {
    const forged = { ...record(), [field]: value } as EventRecord
    const exact = JSON.stringify({ [field]: value, checksum: checksumOf(forged) })
    const text = toStructured(record()).replace('{', `{"tidings":${JSON.stringify(exact)},`)
    const { record: found } = read(text)
    const { context, ...rest } = record()
    expect(found).toMatchObject(rest)
    expect(JSON.parse(found?.context ?? '')).toEqual({ extensions: { tidings: exact } })
    expect(context).toBe('')
  })
})
