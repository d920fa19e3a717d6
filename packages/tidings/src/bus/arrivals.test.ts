import { describe, expect, it } from 'vitest'

import { checksumOf, type EventRecord } from '../events/record.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { Store } from '../store/store.ts'
import { noteArrivals } from './arrivals.ts'

const minute = 60_000
const day = 1_440 * minute

async function append(store: Store, id: string): Promise<void> {
  const text = { type: 'a.b', version: '', category: 'a', key: 'k', tenant: '', correlation: id, causation: '' }
  const record: Omit<EventRecord, 'checksum'> = {
    ...text,
    id,
    source: '/x',
    time: 0,
    priority: 2,
    context: '',
    data: '{}',
    encoding: '',
    seal: '',
  }
  await store.commit([{ append: [{ ...record, checksum: checksumOf(record) }] }])
}

describe('arrivals', () => {
  it('tells what the log held at a time, never more, and little less', async () => {
    const store = memoryStore()
    let now = 1_000 * day
    const heads: [time: number, head: number][] = []
    for (let n = 1; n <= 5_000; n++) {
      await append(store, `e-${n}`)
      now += 5 * minute
      heads.push([now, n])
      const arrivals = await noteArrivals(store, now, 7 * day)
      if (n % 250 !== 0) continue
      for (const age of [0, minute, 30 * minute, 90 * minute, day, 3 * day, 7 * day]) {
        const through = arrivals.through(now - age)
        const held = heads.findLast(([time]) => time <= now - age)?.[1] ?? 0
        expect(through).toBeLessThanOrEqual(held)
        const late = heads.findLast(([time]) => time <= now - age * (1 + 1 / 8) - 10 * minute)?.[1] ?? 0
        expect(through).toBeGreaterThanOrEqual(late)
      }
    }
    const [document] = await store.find('retention', { id: 'arrivals' })
    expect((JSON.parse(document?.body as string) as unknown[]).length).toBeLessThan(150)
  })

  it('writes nothing where nothing has come, and knows nothing of the time before its first note', async () => {
    const store = memoryStore()
    await append(store, 'e-1')
    const first = await noteArrivals(store, 10 * day, day)
    expect([first.through(10 * day - 1), first.through(10 * day)]).toEqual([0, 1])
    for (let n = 1; n < 100; n++) await noteArrivals(store, 10 * day + n * minute, day)
    expect((await store.find('retention', { id: 'arrivals' }))[0]?.version).toBe(1)
    expect((await noteArrivals(store, 20 * day, day)).through(19 * day)).toBe(1)
  })

  it('forgets what a clock that was ahead has said', async () => {
    const store = memoryStore()
    await append(store, 'e-1')
    await noteArrivals(store, 100 * day, day)
    const after = await noteArrivals(store, 10 * day, day)
    expect([after.through(10 * day - 1), after.through(10 * day)]).toEqual([0, 1])
  })
})
