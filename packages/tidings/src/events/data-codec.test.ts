import { gzipSync, zstdCompressSync } from 'node:zlib'

import fc from 'fast-check'
import { expect, test } from 'vitest'

import { compressData, type DecodeLimits, dataBytes, decodeData, encodeData } from './data-codec.ts'
import { plain } from './plain.ts'

const decode = (data: string | Uint8Array, limits?: DecodeLimits, encoding = '') =>
  decodeData({ data, encoding }, limits)

const undecodable = (field: string, rule: string) =>
  expect.objectContaining({ code: 'TIDINGS_UNDECODABLE', details: { field, rule: expect.stringContaining(rule) } })

test('what is encoded decodes to the same, as text, as bytes, and compressed', () => {
  const values = fc.jsonValue({ maxDepth: 5 }).filter((value) => !JSON.stringify(value).includes('__proto__'))
  fc.assert(
    fc.property(values, (value) => {
      const data = plain(value)
      const text = encodeData(data)
      for (const read of [
        decode(text),
        decode(Buffer.from(text)),
        decode(gzipSync(text), {}, 'gzip'),
        decode(zstdCompressSync(text), {}, 'zstd'),
      ]) {
        expect(read).toEqual(JSON.parse(text))
        expect(encodeData(read)).toBe(text)
      }
    }),
  )
})

test('what is decoded is frozen through and through', () => {
  const data = decode('{"a":[{"b":{"c":[1]}}],"d":null}') as { a: { b: { c: number[] } }[] }
  for (const part of [data, data.a, data.a[0], data.a[0]?.b, data.a[0]?.b.c]) expect(Object.isFrozen(part)).toBe(true)
})

test('no data at all is undefined, and back', () => {
  expect(decode('')).toBeUndefined()
  expect(encodeData(undefined)).toBe('')
  expect(encodeData(null)).toBe('null')
})

test.each([' ', '{', '{"a":1,}', 'nul', "{'a':1}", '[1,]', '01', 'NaN', '"\u0001"', '{"a":1}x', 'undefined'])(
  '%j is no JSON and its text is not repeated',
  (text) => {
    expect(() => decode(text)).toThrow(undecodable('data', 'must be JSON'))
    expect(() => decode(`{"secret":"hunter2"${text}`)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    )
  },
)

test('bytes that are no UTF-8 are refused', () => {
  for (const bytes of [
    [0x22, 0xff, 0x22],
    [0x22, 0xc0, 0xa0, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
    [0x22, 0xe2, 0x82],
  ])
    expect(() => decode(Uint8Array.from(bytes))).toThrow(undecodable('data', 'UTF-8'))
})

test('depth is bounded and told by its place', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  expect(() => decode(nested(101))).not.toThrow()
  expect(() => decode(nested(102))).toThrow(undecodable(`data${'[0]'.repeat(101)}`.slice(0, 200), 'deeper than 100'))
  expect(() => decode(nested(3), { maxDepth: 1 })).toThrow(undecodable('data[0][0]', 'deeper than 1'))
  expect(() => decode(nested(102), { maxDepth: 5_000 })).toThrow(
    undecodable(`data${'[0]'.repeat(101)}`.slice(0, 200), 'deeper than 100'),
  )
  for (const deep of [nested(1_000_000), `${'{"a":'.repeat(300_000)}1${'}'.repeat(300_000)}`])
    expect(() => decode(deep)).toThrow(expect.objectContaining({ code: 'TIDINGS_UNDECODABLE' }))
})

test('the same depth may be published and read', () => {
  let value: unknown = 1
  for (let depth = 0; depth < 101; depth++) value = [value]
  expect(decode(encodeData(plain(value)))).toEqual(value)
  expect(() => plain([value])).toThrow(expect.objectContaining({ code: 'TIDINGS_INVALID_DATA' }))
})

test('members are counted over all levels', () => {
  expect(() => decode('[1,{"a":1,"b":[2]}]', { maxMembers: 5 })).not.toThrow()
  expect(() => decode('[1,{"a":1,"b":[2]}]', { maxMembers: 4 })).toThrow(undecodable('data', 'that many members'))
  expect(() => decode(`[${'1,'.repeat(1_000_000)}1]`)).toThrow(undecodable('data', 'that many members'))
})

test('size is bounded in bytes, not characters', () => {
  expect(decode('"€€"', { maxBytes: 8 })).toBe('€€')
  expect(() => decode('"€€"', { maxBytes: 7 })).toThrow(undecodable('data', 'larger than 7 bytes'))
  expect(() => decode(Buffer.from('"€€"'), { maxBytes: 7 })).toThrow(undecodable('data', 'larger than 7 bytes'))
})

test.each([
  ['{"a":{"__proto__":{"admin":true}}}', 'data.a.__proto__', 'must not carry'],
  ['[{"__proto__":1}]', 'data[0].__proto__', 'must not carry'],
  ['{"a":[1e999]}', 'data.a[0]', '64 bits'],
  ['{"a":-1e999}', 'data.a', '64 bits'],
  ['{"a":"\\ud800"}', 'data.a', 'surrogate'],
  ['["\\udc00"]', 'data[0]', 'surrogate'],
  ['"\\ud800"', 'data', 'surrogate'],
])('%s is refused by its place', (text, field, rule) => {
  expect(() => decode(text)).toThrow(undecodable(field, rule))
  expect(({} as { admin?: boolean }).admin).toBeUndefined()
})

test.each([
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
] as const)('a bomb of %s ends at the limit, and damage is told', (encoding, compress) => {
  const bomb = compress(Buffer.alloc(50 * 1_048_576, '1'))
  expect(bomb.byteLength).toBeLessThan(100_000)
  const before = process.memoryUsage().rss
  expect(() => decode(bomb, {}, encoding)).toThrow(undecodable('data', 'larger than 16777216 bytes'))
  expect(process.memoryUsage().rss - before).toBeLessThan(60 * 1_048_576)
  const sound = compress(Buffer.from(JSON.stringify({ text: 'again '.repeat(100) })))
  expect(() => decode(sound.subarray(0, sound.byteLength - 8), {}, encoding)).toThrow(
    undecodable('data', `sound ${encoding}`),
  )
  const flipped = Buffer.from(sound)
  flipped[Math.floor(flipped.byteLength / 2)] = (flipped[Math.floor(flipped.byteLength / 2)] as number) ^ 0xff
  expect(() => decode(flipped, {}, encoding)).toThrow(expect.objectContaining({ code: 'TIDINGS_UNDECODABLE' }))
  expect(() => decode(Buffer.from('{}'), {}, encoding)).toThrow(undecodable('data', `sound ${encoding}`))
})

test('an unknown encoding is refused', () => {
  expect(() => decode(Buffer.from('{}'), {}, 'brotli')).toThrow(undecodable('encoding', 'gzip or zstd'))
})

test('arbitrary bytes are data or a coded refusal, never anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('', 'gzip', 'zstd', 'x'), (bytes, encoding) => {
      try {
        decode(bytes, {}, encoding)
      } catch (error) {
        expect(error).toMatchObject({ code: 'TIDINGS_UNDECODABLE' })
      }
    }),
  )
})

test('compression says which, keeps what would not shrink, and refuses algorithms it does not know', async () => {
  const text = JSON.stringify('again '.repeat(2_000))
  expect(await compressData({ data: text, encoding: '' })).toMatchObject({ encoding: 'gzip' })
  expect(await compressData({ data: text, encoding: '' }, { algorithm: 'zstd' })).toMatchObject({ encoding: 'zstd' })
  expect(await compressData({ data: text, encoding: '' }, { above: 100_000 })).toBeUndefined()
  expect(await compressData({ data: Buffer.from(text), encoding: 'gzip' })).toBeUndefined()
  expect(await compressData({ data: '"x"', encoding: '' }, { above: 0 })).toBeUndefined()
  expect(await compressData({ data: '', encoding: '' }, { above: 0 })).toBeUndefined()
  await expect(compressData({ data: text, encoding: '' }, { algorithm: 'brotli' as never })).rejects.toMatchObject({
    code: 'TIDINGS_INVALID_OPTION',
  })
})

test('the size of data is that of its bytes', () => {
  expect(dataBytes({ data: '"€"' })).toBe(5)
  expect(dataBytes({ data: new Uint8Array(7) })).toBe(7)
})
