import { describe, expect, it } from 'vitest'

import { keyOf } from '../order-event.ts'
import { batchSize, drive, driveSteady, driveTimed, inFlight } from './drive.ts'
import type { Side } from './side.ts'

function recordingSide(): { readonly side: Side; readonly numbers: number[]; readonly most: () => number } {
  const numbers: number[] = []
  let open = 0
  let most = 0
  const turn = async (first: number, count: number): Promise<void> => {
    for (let at = first; at < first + count; at++) numbers.push(at)
    most = Math.max(most, ++open)
    await Promise.resolve()
    open--
  }
  const side: Side = { one: (at) => turn(at, 1), batch: turn, seen: () => numbers.length }
  return { side, numbers, most: () => most }
}

const expected = Array.from({ length: 1_000 }, (_, at) => 500 + at)

describe('feeding a side', () => {
  it('lets one caller await each event', async () => {
    const { side, numbers, most } = recordingSide()
    await drive('one', side, 500, 1_000)
    expect(numbers).toEqual(expected)
    expect(most()).toBe(1)
  })

  it('keeps 256 callers busy, and gives each event once', async () => {
    const { side, numbers, most } = recordingSide()
    await drive('in-flight', side, 500, 1_000)
    expect(numbers.toSorted((a, b) => a - b)).toEqual(expected)
    expect(most()).toBe(inFlight)
  })

  it('gives batches one after another, the last one shorter', async () => {
    const sizes: number[] = []
    const { side, numbers, most } = recordingSide()
    await drive(
      'batches',
      { ...side, batch: (from, count) => (sizes.push(count), side.batch?.(from, count)) },
      500,
      250,
    )
    expect(sizes).toEqual([batchSize, batchSize, 50])
    expect(numbers).toEqual(expected.slice(0, 250))
    expect(most()).toBe(1)
  })

  it('does not wait for those who return nothing', async () => {
    let turns = 0
    const emitter: Side = { one: () => void turns++, seen: () => turns }
    let later = false
    queueMicrotask(() => {
      later = true
    })
    const driven = drive('one', emitter, 0, 10)
    expect([turns, later]).toEqual([10, false])
    await driven
  })

  it('takes the wait of each call', async () => {
    const waits = await driveTimed(recordingSide().side, 0, 20)
    expect(waits).toHaveLength(20)
    expect(waits.every((wait) => wait >= 0)).toBe(true)
  })

  it('times events from their publish until they are handled, in whatever order that happens', async () => {
    const later: (() => void)[] = []
    let handled = (_key: string): void => {}
    const side: Side = {
      one(at) {
        later.push(() => handled(keyOf(at)))
        // The last of each ten lets all of them be handled, the newest first.
        if (later.length === 10) for (const run of later.splice(0).toReversed()) run()
        return Promise.resolve()
      },
      hears: (tell) => void (handled = tell),
      seen: () => 0,
    }
    const waits = await driveSteady(side, 995, 50)
    expect(waits).toHaveLength(40)
    // Two milliseconds apart: the oldest of ten waits for the nine after it.
    expect(Math.max(...waits)).toBeGreaterThan(9)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(0)
  })

  it('refuses to time what does not tell when it is handled, and fails where a publish does', async () => {
    await expect(driveSteady(recordingSide().side, 0, 10)).rejects.toThrow(/does not tell/)
    const broken: Side = { one: () => Promise.reject(new Error('no')), hears: () => {}, seen: () => 0 }
    await expect(driveSteady(broken, 0, 10)).rejects.toThrow(/no/)
  })
})
