import { UUID, V7Generator } from 'uuidv7'
import { describe, expect, it } from 'vitest'

import { uuidText } from './uuid-text.ts'

describe('the text of a UUID', () => {
  it('has all digits, zeros included, around four hyphens', () => {
    expect(uuidText(new Uint8Array(16))).toBe('00000000-0000-0000-0000-000000000000')
    expect(uuidText(new Uint8Array(16).fill(255))).toBe('ffffffff-ffff-ffff-ffff-ffffffffffff')
    expect(uuidText(Uint8Array.from({ length: 16 }, (_, at) => at))).toBe('00010203-0405-0607-0809-0a0b0c0d0e0f')
  })

  it('is what the library writes, for every value of every byte', () => {
    for (let value = 0; value < 256; value++) {
      const uuid = UUID.ofInner(Uint8Array.from({ length: 16 }, (_, at) => (value + 17 * at) & 255))
      expect(uuidText(uuid.bytes)).toBe(uuid.toString())
    }
    const { bytes } = new V7Generator().generate()
    expect(uuidText(bytes)).toBe(UUID.ofInner(bytes).toString())
  })
})
