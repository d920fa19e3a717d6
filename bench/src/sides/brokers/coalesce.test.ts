import { describe, expect, it } from 'vitest'

import { coalesce } from './coalesce.ts'
import { gather } from './gather.ts'

describe('raw clients', () => {
  it('send what is ready in one call, and the next one only after it', async () => {
    const batches: (readonly number[])[] = []
    let answer: (() => void)[] = []
    const add = coalesce<number>((batch) => {
      batches.push(batch)
      return new Promise<void>((resolve) => void answer.push(resolve))
    })
    const first = [add(1), add(2)]
    await Promise.resolve()
    const second = [add(3), add(4), add(5)]
    expect(batches).toEqual([[1, 2]])
    answer.shift()?.()
    await Promise.all(first)
    expect(batches).toEqual([
      [1, 2],
      [3, 4, 5],
    ])
    answer.shift()?.()
    await Promise.all(second)
    const failing = coalesce<number>(() => Promise.reject(new Error('no')))
    await expect(failing(1)).rejects.toThrow('no')
    await expect(failing(2)).rejects.toThrow('no')
    answer = []
  })

  it('handle what came meanwhile in one batch, and say it is done after that', async () => {
    const batches: (readonly string[])[] = []
    const done: number[] = []
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const hear = gather<number>(
      String,
      async (values) => {
        batches.push(values)
        await gates[batches.length - 1]?.promise
      },
      (last) => void done.push(last),
    )
    hear(1)
    hear(2)
    await Promise.resolve()
    hear(3)
    hear(4)
    expect([batches, done]).toEqual([[['1', '2']], []])
    gates[0]?.resolve()
    await expect
      .poll(() => batches)
      .toEqual([
        ['1', '2'],
        ['3', '4'],
      ])
    expect(done).toEqual([2])
    gates[1]?.resolve()
    await expect.poll(() => done).toEqual([2, 4])
  })
})
