import { eventually } from '@tidings/conformance'
import { mulberry32, type Store } from 'tidings/spi'
import { afterEach, describe, expect, it } from 'vitest'

import { cleanUp, freshPrefix, needsRedis, open, url } from '../tests/redis-world.ts'
import { startWriter } from '../tests/writing-process.ts'

afterEach(cleanUp)

const seed = Math.floor(Math.random() * 1_000_000)
const soon = { deadline: 30_000 }

/** What the store holds of a writer: its events, and the counter that each of its units raised with them. */
async function holds(store: Store, name: string): Promise<{ events: number; counted: number }> {
  let events = 0
  for (let from = 1; ; ) {
    const page = await store.readStream({ tenant: '', category: 'tick', key: name }, { from })
    const last = page.at(-1)
    if (last === undefined) break
    expect(page.map((event) => event.streamVersion)).toEqual(page.map((_, at) => from + at))
    events += page.length
    from = last.streamVersion + 1
  }
  const [count] = await store.find('count', { by: { index: 'total', upTo: Number.MAX_SAFE_INTEGER }, id: name })
  return { events, counted: Number(count?.body ?? 0) }
}

describe('processes that share a store in Redis', needsRedis, () => {
  it(`lose nothing acknowledged and leave nothing half when killed (seed ${seed})`, async () => {
    const random = mulberry32(seed)
    const prefix = freshPrefix()
    const store = await open({ prefix })
    for (let round = 0; round < 4; round++) {
      const before = (await holds(store, 'killed')).events
      const writer = startWriter(url as string, prefix, 'killed')
      const enough = before + 1 + Math.floor(random() * 60)
      await eventually(() => writer.acknowledged() >= enough, soon)
      await writer.kill()
      const { events, counted } = await holds(store, 'killed')
      expect(counted).toBe(events)
      expect(events).toBeGreaterThanOrEqual(writer.acknowledged())
    }
  }, 120_000)

  it('write side by side, and a third one that watches hears of all of it in order', async () => {
    const prefix = freshPrefix()
    const store = await open({ prefix })
    const seen: number[] = []
    let after = 0
    const follow = async (): Promise<void> => {
      for (;;) {
        const page = await store.readAll({ after, limit: 50 })
        if (page.through === after) return
        seen.push(...page.events.map((event) => event.position))
        after = page.through
      }
    }
    let following = Promise.resolve()
    const stop = store.watch(() => {
      following = following.then(follow)
    })
    const writers = [startWriter(url as string, prefix, 'a', 150), startWriter(url as string, prefix, 'b', 150)]
    expect(await Promise.all(writers.map((writer) => writer.ended()))).toEqual([0, 0])
    const total = writers.reduce((sum, writer) => sum + writer.acknowledged(), 0)
    // No reading of our own here: the watcher alone must come to the end.
    await eventually(() => seen.length >= total, soon)
    stop()
    await following
    expect(seen).toEqual(Array.from({ length: total }, (_, at) => at + 1))
    for (const [at, name] of ['a', 'b'].entries()) {
      const count = writers[at]?.acknowledged()
      expect(await holds(store, name)).toEqual({ events: count, counted: count })
    }
  }, 120_000)
})
