import { describe, expect, it } from 'vitest'

import type { StoredEvent } from '../../store/store.ts'
import { recordOf } from './log-world.ts'
import { RecentEvents } from './recent-events.ts'

describe('recent events', () => {
  it('covers the positions behind the oldest that had to go, up to where was looked', () => {
    const recent = new RecentEvents(3)
    recent.append(stored(2, 4, 6), 7)
    expect([recent.start, recent.end]).toEqual([0, 7])
    recent.append(stored(8, 9), 9)
    expect([recent.start, recent.end]).toEqual([4, 9])
    expect(recent.next - recent.first).toBe(3)
    expect(recent.at(recent.first).offset).toBe(6)
  })

  it('finds the first event after a position', () => {
    const recent = new RecentEvents(4)
    recent.append(stored(10, 20, 30, 40, 50), 55)
    const after = (position: number): number | undefined => {
      const number = recent.numberAfter(position)
      return number === recent.next ? undefined : recent.at(number).offset
    }
    expect([0, 19, 20, 21, 30, 49, 50, 99].map(after)).toEqual([20, 20, 30, 30, 40, 50, undefined, undefined])
  })

  it('begins anew elsewhere, so that a page asked for before does not fit any more', () => {
    const recent = new RecentEvents(4)
    recent.append(stored(1, 2), 2)
    const { generation } = recent
    recent.reset(1)
    expect(recent.generation).not.toBe(generation)
    expect([recent.start, recent.end, recent.next - recent.first]).toEqual([1, 1, 0])
    expect(recent.last).toBe(2)
    recent.append(stored(2), 3)
    expect(recent.at(recent.numberAfter(1)).offset).toBe(2)
  })
})

function stored(...positions: number[]): StoredEvent[] {
  return positions.map((position) => ({
    position,
    streamVersion: position,
    stream: 's',
    partition: 0,
    record: recordOf(`e${position}`, 'order', 'k'),
  }))
}
