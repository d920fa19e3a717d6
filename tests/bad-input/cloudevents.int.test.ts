import {
  defineEvent,
  type ErrorCode,
  fromBatch,
  fromCloudEvent,
  fromStructured,
  type ImportLine,
  operationsOf,
} from 'tidings'
import { describe, expect, it } from 'vitest'

import { countOf, expectCoded, failureOf, open, secret } from './world.ts'

const Placed = defineEvent('order.placed')

const sound = {
  specversion: '1.0',
  id: 'e-1',
  source: '/elsewhere',
  type: 'order.placed',
  subject: 'o-1',
  data: { id: 'o-1' },
}
const json = (changes: object): string => JSON.stringify({ ...sound, ...changes })
const deep = '['.repeat(100_000) + ']'.repeat(100_000)

const rows: readonly {
  readonly name: string
  readonly text: string | Uint8Array
  readonly code: ErrorCode
  readonly field?: string
}[] = [
  { name: 'no JSON', text: `{"id":"${secret}"`, code: 'TIDINGS_UNDECODABLE' },
  { name: 'no UTF-8', text: Uint8Array.of(0x7b, 0xff, 0x7d), code: 'TIDINGS_UNDECODABLE' },
  { name: 'a list', text: `["${secret}"]`, code: 'TIDINGS_INVALID_EVENT' },
  { name: 'null', text: 'null', code: 'TIDINGS_INVALID_EVENT' },
  { name: 'data 100,000 levels deep', text: json({}).replace('{"id":"o-1"}', deep), code: 'TIDINGS_UNDECODABLE' },
  { name: 'an attribute 100,000 levels deep', text: json({}).replace('"o-1"', deep), code: 'TIDINGS_UNDECODABLE' },
  {
    name: 'a __proto__ attribute',
    text: json({}).replace('{', `{"__proto__":{"type":"${secret}"},`),
    code: 'TIDINGS_UNDECODABLE',
  },
  {
    name: '__proto__ in data',
    text: json({}).replace('{"id":"o-1"}', '{"__proto__":{}}'),
    code: 'TIDINGS_UNDECODABLE',
  },
  { name: 'an attribute in capitals', text: json({ Secret: secret }), code: 'TIDINGS_INVALID_EVENT' },
  {
    name: 'an object as an attribute',
    text: json({ partner: { secret } }),
    code: 'TIDINGS_INVALID_EVENT',
    field: 'partner',
  },
  { name: 'no id', text: json({ id: undefined }), code: 'TIDINGS_INVALID_EVENT', field: 'id' },
  { name: 'an id that is no text', text: json({ id: 5 }), code: 'TIDINGS_INVALID_EVENT', field: 'id' },
  { name: 'an id with NUL', text: json({ id: `${secret}\0` }), code: 'TIDINGS_INVALID_EVENT', field: 'id' },
  { name: 'no source', text: json({ source: undefined }), code: 'TIDINGS_INVALID_EVENT', field: 'source' },
  {
    name: 'a source that is no URI',
    text: json({ source: `${secret} \\` }),
    code: 'TIDINGS_INVALID_EVENT',
    field: 'source',
  },
  { name: 'no type', text: json({ type: undefined }), code: 'TIDINGS_INVALID_EVENT', field: 'type' },
  {
    name: 'another version of the specification',
    text: json({ specversion: '9.0' }),
    code: 'TIDINGS_INVALID_EVENT',
    field: 'specversion',
  },
  { name: 'a time that is none', text: json({ time: secret }), code: 'TIDINGS_INVALID_EVENT', field: 'time' },
  { name: 'data twice', text: json({ data_base64: 'AA==' }), code: 'TIDINGS_INVALID_EVENT', field: 'data_base64' },
  {
    name: 'base64 that is none',
    text: json({ data: undefined, data_base64: `${secret}!` }),
    code: 'TIDINGS_INVALID_EVENT',
    field: 'data_base64',
  },
]

describe('a CloudEvent that is none', () => {
  it.each(rows)('is refused by field and rule: $name', async ({ text, code, field }) => {
    const failure = await failureOf(() => fromStructured(text, { now: 0 }))
    expectCoded(failure, code, field)
    expectCoded(await failureOf(() => fromBatch(typeof text === 'string' ? `[${text}]` : text, { now: 0 })), code)
  })

  it.each([
    ['a circle', () => Object.assign({ ...sound }, { data: circular() })],
    [
      'a getter that throws',
      () =>
        Object.defineProperty({ ...sound }, 'data', {
          enumerable: true,
          get: () => (undefined as never as { such: never }).such,
        }),
    ],
    ['a function', () => ({ ...sound, data: () => secret })],
    ['a Map', () => ({ ...sound, data: new Map([[secret, 1]]) })],
    ['an own __proto__', () => ({ ...sound, data: JSON.parse('{"__proto__":1}') as unknown })],
  ])('is refused as an object too: %s', async (name, make) => {
    const failure = await failureOf(() => fromCloudEvent(make(), { now: 0 }))
    if (name.startsWith('a getter')) expect(failure).toBeInstanceOf(TypeError)
    else expectCoded(failure, 'TIDINGS_INVALID_DATA')
  })

  it('is refused by its line in an import; its neighbours are stored and heard', async () => {
    const { bus } = await open()
    const heard: string[] = []
    bus.subscribe(Placed, { name: 'all' }, (event) => void heard.push(event.id))
    await bus.start()
    const texts = rows.flatMap(({ text }, at) => [text, json({ id: `fine-${at}`, subject: `o-${at}` })])
    async function* lines(): AsyncGenerator<ImportLine> {
      for (const [at, text] of texts.entries())
        yield { number: at + 1, bytes: typeof text === 'string' ? Buffer.from(text) : text }
      yield { number: texts.length + 1, bytes: undefined }
    }
    let last
    const refused: string[] = []
    for await (const progress of operationsOf(bus).events.import(lines())) {
      last = progress
      refused.push(...progress.refusals.map(({ line, code }) => `${line} ${code}`))
      expect(JSON.stringify(progress)).not.toContain(secret)
    }
    expect(last).toMatchObject({ stored: rows.length, refused: rows.length + 1, duplicates: 0 })
    expect(refused).toEqual([
      ...rows.map(({ code }, at) => `${2 * at + 1} ${code}`),
      `${texts.length + 1} TIDINGS_TOO_LARGE`,
    ])
    await expect.poll(() => heard.toSorted()).toEqual(rows.map((_, at) => `fine-${at}`).toSorted())
    expect(await countOf(bus)).toBe(rows.length)
  })
})

function circular(): Record<string, never> {
  const circle: Record<string, unknown> = {}
  circle.self = circle
  return circle as never
}
