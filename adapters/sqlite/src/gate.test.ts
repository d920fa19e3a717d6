import { writeFileSync } from 'node:fs'

import { afterEach, describe, expect, it } from 'vitest'

import { cleanUp, file } from '../tests/sqlite-world.ts'
import { Gate, gateOf } from './gate.ts'

afterEach(cleanUp)

describe('Gate', () => {
  it('lets in one at a time, in order of asking', async () => {
    const gate = new Gate()
    const order: number[] = []
    await Promise.all(
      [1, 2, 3, 4].map(async (one) => {
        const leave = await gate.enter()
        order.push(one)
        await Promise.resolve()
        order.push(-one)
        leave()
      }),
    )
    expect(order).toEqual([1, -1, 2, -2, 3, -3, 4, -4])
    expect(gate.free).toBe(true)
  })

  it('is not free while it is handed over', async () => {
    const gate = new Gate()
    const leave = await gate.enter()
    const next = gate.enter()
    leave()
    expect(gate.free).toBe(false)
    const leaveNext = await next
    leaveNext()
    expect(gate.free).toBe(true)
  })

  it('lets go of who gave up waiting, and goes on with the next', async () => {
    const gate = new Gate()
    const leave = await gate.enter()
    const control = new AbortController()
    const reason = new Error('enough')
    const gone = gate.enter(control.signal)
    const next = gate.enter()
    control.abort(reason)
    await expect(gone).rejects.toBe(reason)
    await expect(gate.enter(AbortSignal.abort(reason))).rejects.toBe(reason)
    leave()
    ;(await next)()
    expect(gate.free).toBe(true)
  })

  it('is left once, however often that is said', async () => {
    const gate = new Gate()
    const leave = await gate.enter()
    leave()
    const leaveNext = await gate.enter()
    leave()
    expect(gate.free).toBe(false)
    leaveNext()
  })

  it('is shared by all who have a file open in this process, and by none in memory', () => {
    const path = file()
    writeFileSync(path, '')
    const one = gateOf(path)
    const two = gateOf(path)
    expect(one.gate).toBe(two.gate)
    one.release()
    two.release()
    expect(gateOf(path).gate).not.toBe(one.gate)
    expect(gateOf(':memory:').gate).not.toBe(gateOf(':memory:').gate)
  })
})
