import { expect, test } from 'vitest'

import { mulberry32 } from '../kernel/virtual-runtime.ts'
import { fromIsoTime, isoTime } from './iso-time.ts'

const seed = Math.floor(Math.random() * 0x7fff_ffff)

test('times are written and read as the platform does it', () => {
  const chance = mulberry32(seed)
  const edges = [
    0, 1, -1, 999, 86_399_999, 86_400_000, -86_400_000, 951_782_400_000, 253_402_300_799_999, -62_167_219_200_000,
  ]
  const drawn = Array.from({ length: 5_000 }, () => Math.floor((chance() - 0.2) * 1e13))
  for (const ms of [...edges, ...drawn]) {
    const text = new Date(ms).toISOString()
    expect(isoTime(ms), `seed ${seed}`).toBe(text)
    expect(fromIsoTime(text), `seed ${seed}`).toBe(text.length === 24 ? ms : undefined)
    expect(isoTime(ms + 0.7)).toBe(new Date(ms + 0.7).toISOString())
  }
})

test('what is no time is none', () => {
  for (const ms of [Number.NaN, Number.POSITIVE_INFINITY, 8.65e15]) expect(() => isoTime(ms)).toThrow(RangeError)
  expect(isoTime(253_402_300_800_000)).toBe('+010000-01-01T00:00:00.000Z')
})

test('texts that are written in another way are not read', () => {
  for (const text of [
    '',
    '2026-02-30T00:00:00.000Z',
    '2026-02-28T24:00:00.000Z',
    '2026-02-28T23:60:00.000Z',
    '2026-02-28T23:59:60.000Z',
    '2026-02-28t23:59:59.000Z',
    '2026-02-28T23:59:59.000z',
    '2026-02-28T23:59:59.00aZ',
    '2026-02-28 23:59:59.000Z',
    '2026-2-028T23:59:59.000Z',
    '2026-02-28T23:59:59.0000',
    'xxxx-02-28T23:59:59.000Z',
  ])
    expect(fromIsoTime(text), text).toBeUndefined()
})
