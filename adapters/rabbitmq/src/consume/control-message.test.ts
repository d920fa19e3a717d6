import { describe, expect, it } from 'vitest'

import { type Control, decodeControl, encodeControl } from './control-message.ts'

const id = '01900000-0000-7000-8000-000000000001'
const from = { id, since: 5 }

describe('what members say to each other', () => {
  it.each<Control>([
    { kind: 'hello', from },
    { kind: 'yielded', from },
    { kind: 'bye', from },
    { kind: 'here', from, peers: [from] },
    { kind: 'want', from, partitions: [0, 3] },
    { kind: 'gone', from, peer: id },
  ])('is understood: $kind', (control) => {
    expect(decodeControl(encodeControl(control))).toEqual(control)
  })

  it.each([
    '',
    '{',
    '[]',
    'null',
    '7',
    JSON.stringify({ kind: 'hello' }),
    JSON.stringify({ kind: 'dance', from }),
    JSON.stringify({ kind: 'hello', from: { id: 'x', since: 1 } }),
    JSON.stringify({ kind: 'hello', from: { id, since: 'x' } }),
    JSON.stringify({ kind: 'here', from, peers: [{ id }] }),
    JSON.stringify({ kind: 'here', from, peers: Array.from({ length: 1_001 }, () => from) }),
    JSON.stringify({ kind: 'want', from, partitions: [1.5] }),
    JSON.stringify({ kind: 'gone', from, peer: { id } }),
  ])('is not made of %s', (text) => {
    expect(decodeControl(Buffer.from(text))).toBeUndefined()
  })
})
