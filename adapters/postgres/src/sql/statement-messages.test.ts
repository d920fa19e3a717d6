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
    else if (kind === 'C') found.push(['close', body.toString('utf8')])
    else if (kind === 'B') found.push(['bind', ...readBind(body)])
    else found.push([kind, body.toString('hex')])
    at = end
  }
  return found
}

function readBind(body: Buffer): unknown[] {
  expect(body[0]).toBe(0)
  const formats = body.indexOf(0, 1) + 1
  const count = body.readUInt16BE(formats)
  const values: unknown[] = [body.toString('utf8', 1, formats - 1)]
  let at = formats + 2 + 2 * count
  expect(body.readUInt16BE(at)).toBe(count)
  at += 2
  for (let number = 0; number < count; number++) {
    const length = body.readInt32BE(at)
    at += 4
    const bytes = body.subarray(at, at + Math.max(0, length))
    const binary = body.readInt16BE(formats + 2 + 2 * number) === 1
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

it('parses once what follows itself, without a name, and ends each statement by itself', () => {
  const { bytes, answers } = statementMessages([of('a $1', '1'), of('a $1', '2'), of('b')])
  expect(read(bytes)).toEqual([
    ['parse', '', 'a $1', 0],
    ['bind', '', '1'],
    ...end,
    ['bind', '', '2'],
    ...end,
    ['parse', '', 'b', 0],
    ['bind', ''],
    ...end,
  ])
  expect(answers).toBe(3)
})

it('parses once, under a name, what comes again after another, and closes the names in the end', () => {
  const [one, other] = ['insert $1', 'delete $1']
  const { bytes, answers } = statementMessages([of(one, '1'), of(other, '2'), of(one, '3'), of(other, '4')])
  expect(read(bytes)).toEqual([
    ['parse', 'tidings_unit_1', one, 0],
    ['bind', 'tidings_unit_1', '1'],
    ...end,
    ['parse', 'tidings_unit_2', other, 0],
    ['bind', 'tidings_unit_2', '2'],
    ...end,
    ['bind', 'tidings_unit_1', '3'],
    ...end,
    ['bind', 'tidings_unit_2', '4'],
    ...end,
    ['close', 'Stidings_unit_1\0'],
    ['close', 'Stidings_unit_2\0'],
    ['S', ''],
  ])
  expect(answers).toBe(5)
})

it('writes any text, bytes and null, whatever length they have', () => {
  const values = ['', 'ä€😀', null, Buffer.of(0, 255), Buffer.alloc(0), 'x'.repeat(100_000), '\ud800']
  expect(read(statementMessages([of('ü', ...values)]).bytes)).toEqual([
    ['parse', '', 'ü', 0],
    ['bind', '', '', 'ä€😀', null, [0, 255], [], 'x'.repeat(100_000), '\ufffd'],
    ...end,
  ])
  const many = Array.from({ length: 65_535 }, (_, at) => String(at))
  expect(read(statementMessages([of('m', ...many)]).bytes)[1]).toEqual(['bind', '', ...many])
})
