import { eventually } from '@tidings/conformance'
import { afterEach, describe, expect, it } from 'vitest'

import { allIds, append, cleanUp, needsRedis, open, record } from '../../../tests/redis-world.ts'

afterEach(cleanUp)

const soon = { deadline: 20_000 }
const every = 20

describe('what a Redis store keeps', needsRedis, () => {
  it('is the newest events, so many as asked for', async () => {
    const store = await open({ keep: { events: 30, every } })
    const written = Array.from({ length: 2_100 }, (_, at) => record({ key: `k-${at % 9}` }))
    await append(store, ...written)
    await eventually(async () => {
      expect(await allIds(store)).toEqual(written.slice(-30).map(({ id }) => id))
    }, soon)
    const [last] = await store.readStream({ tenant: '', category: 'order', key: 'k-0' }, { reverse: true, limit: 1 })
    expect(last?.streamVersion).toBe(234)
  })

  it('is what is young enough by its own time', async () => {
    const store = await open({ keep: { age: 3_600_000, every } })
    const now = Date.now()
    const young = Array.from({ length: 10 }, () => record({ time: now }))
    await append(store, ...Array.from({ length: 1_500 }, () => record({ time: now - 3_700_000 })), ...young)
    await eventually(async () => {
      expect(await allIds(store)).toEqual(young.map(({ id }) => id))
    }, soon)
  })

  it('is the newest of each stream; others are not shortened for its sake', async () => {
    const store = await open({ keep: { perStream: 5, every } })
    const versions = async (key: string): Promise<number[]> =>
      (await store.readStream({ tenant: '', category: 'order', key })).map((event) => event.streamVersion)
    for (let at = 0; at < 4; at++)
      await append(store, ...Array.from({ length: 10 }, () => record({ key: 'busy' })), record({ key: 'calm' }))
    await eventually(async () => {
      expect(await versions('busy')).toEqual([36, 37, 38, 39, 40])
    }, soon)
    expect(await versions('calm')).toEqual([1, 2, 3, 4])
  })
})
