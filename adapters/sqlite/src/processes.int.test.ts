import { existsSync } from 'node:fs'

import { mulberry32, realRuntime } from 'tidings/spi'
import { afterEach, describe, expect, it } from 'vitest'

import { cleanUp, file, open } from '../tests/sqlite-world.ts'
import { startWriter } from '../tests/writing-process.ts'
import { inspectSqlite } from './index.ts'
import type { SqliteStore } from './sqlite-store.ts'

afterEach(cleanUp)

const rounds = 12
const longest = 10_000
const seed = Math.floor(Math.random() * 1_000_000)

/** What the file holds of a writer: its events, and the counter that each of its units raised with them. */
async function holds(store: SqliteStore, name: string): Promise<{ events: number; counted: number }> {
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

/** A moment that no timer could be so exact about. */
function spin(times: number): void {
  for (let done = 0; done < times; done++);
}

describe('processes that share a file', () => {
  it(`lose nothing acknowledged and leave nothing half when killed, ${rounds} times (seed ${seed})`, async () => {
    const random = mulberry32(seed)
    const path = file()
    const began = performance.now()
    for (let round = 0; round < rounds && performance.now() - began < longest; round++) {
      const writer = startWriter(path, 'killed')
      await writer.said(1 + Math.floor(random() ** 2 * 60))
      spin(random() * 100_000)
      await writer.kill()
      const store = await open(path)
      const { events, counted } = await holds(store, 'killed')
      expect(counted).toBe(events)
      expect(events).toBeGreaterThanOrEqual(writer.acknowledged())
      await store.close()
    }
    expect(await inspectSqlite(path)).toMatchObject({ findings: [], streams: 1 })
  })

  it('may be killed while they make the file: the next one makes or finds it', async () => {
    const random = mulberry32(seed)
    for (let round = 0; round < 5; round++) {
      const path = file()
      const writer = startWriter(path, 'killed')
      while (!existsSync(path)) await new Promise((resolve) => void setImmediate(resolve))
      spin(random() * 2_000_000)
      await writer.kill()
      const store = await open(path)
      const { events, counted } = await holds(store, 'killed')
      expect(counted).toBe(events)
      await store.close()
      expect((await inspectSqlite(path)).findings).toEqual([])
    }
  })

  it('write side by side, and a third one that watches hears of all of it in order', async () => {
    const path = file()
    const runtime = realRuntime()
    const store = await open(path)
    const seen: number[] = []
    let wakes = 0
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
      wakes++
      following = following.then(follow)
    })
    const writers = [startWriter(path, 'a', 150), startWriter(path, 'b', 150)]
    expect(await Promise.all(writers.map((writer) => writer.ended()))).toEqual([0, 0])
    const total = writers.reduce((sum, writer) => sum + writer.acknowledged(), 0)
    // No reading of our own here: the watcher alone must come to the end.
    const deadline = runtime.monotonic() + 5_000
    while (seen.length < total && runtime.monotonic() < deadline)
      await new Promise((resolve) => runtime.setTimer(5, () => resolve(undefined)))
    stop()
    await following
    expect(seen).toEqual(Array.from({ length: total }, (_, at) => at + 1))
    expect(wakes).toBeGreaterThan(2)
    for (const [at, name] of ['a', 'b'].entries()) {
      const count = writers[at]?.acknowledged()
      expect(await holds(store, name)).toEqual({ events: count, counted: count })
    }
  })

  it('one that is killed in the middle of writing leaves the other undisturbed', async () => {
    const path = file()
    const [survivor, victim] = [startWriter(path, 'survivor', 120), startWriter(path, 'victim')]
    await victim.said(20)
    await victim.kill()
    expect(await survivor.ended()).toBe(0)
    const store = await open(path)
    expect(await holds(store, 'survivor')).toEqual({
      events: survivor.acknowledged(),
      counted: survivor.acknowledged(),
    })
    const left = await holds(store, 'victim')
    expect(left.counted).toBe(left.events)
    expect(left.events).toBeGreaterThanOrEqual(victim.acknowledged())
    expect((await inspectSqlite(path)).findings).toEqual([])
  })
})
