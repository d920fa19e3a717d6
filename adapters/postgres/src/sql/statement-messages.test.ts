import { expect, it } from 'vitest'

import { type BoundStatement, statementMessages } from './statement-messages.ts'

/** What the server would read, its answer to nothing. */
function read(bytes: Buffer): unknown[] {
  const found: unknown[] = []
  for (let at = 0; at < bytes.length; ) {
    const kind = String.fromCharCode(bytes[at] as number)
    const end = at + 1 + bytes.readInt32BE(at + 1)
    const body = bytes.subarray(at + 5, end)
    if (kind === 'P')
      found.push(['parse', ...body.toString('utf8').split('\0').slice(0, 2), body.readInt16BE(body.length - 2)])
    else if (kind === 'B') found.push(['bind', ...readBind(body)])
    else found.push([kind, body.toString('hex')])
    at = end
  }
  return found
}

function readBind(body: Buffer): unknown[] {
  expect(body.readInt16BE(0)).toBe(0)
  const count = body.readUInt16BE(2)
  const values: unknown[] = []
  let at = 4 + 2 * count
  expect(body.readUInt16BE(at)).toBe(count)
  at += 2
  for (let number = 0; number < count; number++) {
    const length = body.readInt32BE(at)
    at += 4
    const bytes = body.subarray(at, at + Math.max(0, length))
    const binary = body.readInt16BE(4 + 2 * number) === 1
    values.push(length === -1 ? null : binary ? [...bytes] : bytes.toString('utf8'))
    at += bytes.length
  }
  expect(body.readInt16BE(at)).toBe(0)
  expect(at + 2).toBe(body.length)
  return values
}

const end = [
  ['E', '0000000000'],
  ['S', ''],
]
const of = (text: string, ...values: BoundStatement['values']): BoundStatement => ({ text, values })

it('parses a text where it differs from that before it, without a name, and ends each statement by itself', () => {
  const messages = read(statementMessages([of('a $1', '1'), of('a $1', '2'), of('b'), of('a $1', '3')]))
  expect(messages).toEqual([
    ['parse', '', 'a $1', 0],
    ['bind', '1'],
    ...end,
    ['bind', '2'],
    ...end,
    ['parse', '', 'b', 0],
    ['bind'],
    ...end,
    ['parse', '', 'a $1', 0],
    ['bind', '3'],
    ...end,
  ])
})

it('writes any text, bytes and null, whatever length they have', () => {
  const values = ['', 'ä€😀', null, Buffer.of(0, 255), Buffer.alloc(0), 'x'.repeat(100_000), '\ud800']
  expect(read(statementMessages([of('ü', ...values)]))).toEqual([
    ['parse', '', 'ü', 0],
    ['bind', '', 'ä€😀', null, [0, 255], [], 'x'.repeat(100_000), '\ufffd'],
    ...end,
  ])
  const many = Array.from({ length: 65_535 }, (_, at) => String(at))
  expect(read(statementMessages([of('m', ...many)]))[1]).toEqual(['bind', ...many])
})
