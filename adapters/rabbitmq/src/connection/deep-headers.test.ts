import { describe, expect, it } from 'vitest'

import { deepHeaders, headersFrame } from '../../tests/deep-headers.ts'
import { dropDeepHeaders } from './deep-headers.ts'

/** What is left of a frame. */
function through(frame: Buffer): Buffer {
  const given = Buffer.from(frame)
  dropDeepHeaders(given)
  return given
}

const padding = Buffer.concat([
  Buffer.from('\x04long'),
  Buffer.from('S'),
  Buffer.from([0, 0, 0x27, 0x10]),
  Buffer.alloc(10_000, 0x46),
])

describe('headers that nest', () => {
  it.each(['list', 'table'] as const)(
    'are dropped with all properties where a %s is deeper than a client can read',
    (kind) => {
      const frame = headersFrame(deepHeaders(kind, 20_000))
      const left = through(frame)
      expect(left.readUInt16BE(12)).toBe(0)
      expect(left.subarray(0, 12)).toEqual(frame.subarray(0, 12))
    },
  )

  it('are left alone up to a hundred levels, also in a large frame', () => {
    const frame = headersFrame(Buffer.concat([padding, deepHeaders('list', 100)]))
    expect(through(frame)).toEqual(frame)
    expect(through(headersFrame(Buffer.concat([padding, deepHeaders('table', 101)]))).readUInt16BE(12)).toBe(0)
  })

  it('are found behind other properties and behind fields of each type', () => {
    const fields = Object.entries({ t: 1, b: 1, B: 1, s: 2, u: 2, I: 4, i: 4, f: 4, l: 8, T: 8, d: 8, D: 5, V: 0 }).map(
      ([type, size]) => Buffer.concat([Buffer.from(`\x01a${type}`), Buffer.alloc(size, 0x41)]),
    )
    const bytes = Buffer.concat([Buffer.from('\x01ax'), Buffer.from([0, 0, 0, 3]), Buffer.from('AAA')])
    const all = Buffer.concat([padding, ...fields, bytes])
    expect(through(headersFrame(all, 'text/plain', 'gzip'))).toEqual(headersFrame(all, 'text/plain', 'gzip'))
    const deep = headersFrame(Buffer.concat([all, deepHeaders('list', 101)]), 'text/plain', 'gzip')
    expect(through(deep).readUInt16BE(12)).toBe(0)
  })

  it('cost no more than a look at its size in an ordinary frame, and one without headers is left alone', () => {
    const small = headersFrame(deepHeaders('list', 1_000))
    expect(through(small)).toEqual(small)
    const none = Buffer.alloc(9_000)
    expect(through(none)).toEqual(none)
  })

  it('end the look also where their lengths lie', () => {
    for (const length of [0, 1, 0xff_ff_ff_ff]) {
      const frame = Buffer.alloc(9_000, 0x41)
      frame.writeUInt16BE(0x2000, 12)
      frame.writeUInt32BE(length, 14)
      expect(through(frame)).toHaveLength(9_000)
    }
  })
})
