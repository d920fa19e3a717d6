import { describe, expect, it } from 'vitest'

import { SinkCalls } from './sink-calls.ts'

describe('calls to a sink', () => {
  it('run at once where nothing is under way, else in their turn, whatever fails', async () => {
    const calls = new SinkCalls()
    const said: string[] = []
    const failed = (error: unknown): void => void said.push(`failed: ${(error as Error).message}`)
    const gate = Promise.withResolvers<void>()
    void calls.run(async () => {
      said.push('first')
      await gate.promise
      throw new Error('first')
    }, failed)
    expect(said).toEqual(['first'])
    void calls.run(() => void said.push('second'), failed)
    const third = calls.run(async () => {
      said.push('third')
      await Promise.resolve()
      said.push('third ends')
    }, failed)
    await Promise.resolve()
    expect(said).toEqual(['first'])
    gate.resolve()
    await calls.ended()
    await third
    expect(said).toEqual(['first', 'failed: first', 'second', 'third', 'third ends'])
    void calls.run(() => {
      throw new Error('at once')
    }, failed)
    void calls.run(() => void said.push('last'), failed)
    await calls.ended()
    expect(said.slice(5)).toEqual(['failed: at once', 'last'])
  })
})
