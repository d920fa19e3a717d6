import fc from 'fast-check'
import { expect, it } from 'vitest'

import { formatPhc, parsePhc } from './phc-string.ts'

it('writes what other programs read', () => {
  const salt = new TextEncoder().encode('somesalt')
  const hash = new Uint8Array(24).fill(0xff)
  expect(formatPhc({ memory: 65_536, passes: 2, parallelism: 1, salt, hash })).toBe(
    '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$////////////////////////////////',
  )
})

it('reads what it has written', () => {
  const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: 64 })
  fc.assert(
    fc.property(
      bytes(8),
      bytes(12),
      fc.integer({ min: 8, max: 1_000_000 }),
      fc.integer({ min: 1, max: 99 }),
      (salt, hash, memory, passes) => {
        const read = parsePhc(formatPhc({ memory, passes, parallelism: 1, salt, hash }))
        expect(read).toEqual({ memory, passes, parallelism: 1, salt: Buffer.from(salt), hash: Buffer.from(hash) })
      },
    ),
  )
})

it.each([
  '',
  'plain',
  '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$////////////////////////////////',
  '$argon2id$v=16$m=65536,t=2,p=1$c29tZXNhbHQ$////////////////////////////////',
  '$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$////////////////////////////////',
  '$argon2id$v=19$m=65536,t=2,p=1$$',
])('takes %j for no hash', (text) => {
  expect(parsePhc(text)).toBeUndefined()
})
