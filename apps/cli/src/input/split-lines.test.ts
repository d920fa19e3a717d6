import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { splitLines } from './split-lines.ts'

async function split(chunks: readonly Uint8Array[], longest = 1_000): Promise<(string | undefined)[]> {
  const lines: (string | undefined)[] = []
  const from = (async function* () {
    yield* chunks
  })()
  for await (const { number, bytes } of splitLines(from, longest))
    lines[number] = bytes === undefined ? undefined : Buffer.from(bytes).toString()
  return lines.slice(1)
}

describe('splitting a stream into lines', () => {
  it('finds the same lines wherever the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => !/[\r\n]/.test(text) && text.trim() !== ''),
        ),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        async (texts, sizes) => {
          const whole = Buffer.from(texts.join('\n'))
          const chunks: Buffer[] = []
          for (let at = 0, turn = 0; at < whole.length; turn++) {
            const size = sizes[turn % sizes.length] as number
            chunks.push(whole.subarray(at, at + size))
            at += size
          }
          expect(await split(chunks)).toEqual(texts)
        },
      ),
    )
  })

  it('numbers lines as an editor does, also those it leaves out', async () => {
    const numbers: number[] = []
    const from = (async function* () {
      yield Buffer.from('a\n\n \t\nb\r\n\r\nc')
    })()
    for await (const { number } of splitLines(from, 10)) numbers.push(number)
    expect(numbers).toEqual([1, 4, 6])
  })

  it('tells of a line that is too long, at the limit and across chunks', async () => {
    expect(
      await split([Buffer.from('12345\n123456\n'), Buffer.from('1234'), Buffer.from('56'), Buffer.from('\nok')], 5),
    ).toEqual(['12345', undefined, undefined, 'ok'])
    expect(await split([Buffer.from('123456')], 5)).toEqual([undefined])
  })
})
