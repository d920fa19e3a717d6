import { describe, expect, it } from 'vitest'

import { silentMeter } from '../../kernel/meter.ts'
import { type VirtualRuntime, virtualRuntime } from '../../kernel/virtual-runtime.ts'
import { memoryStore } from '../../store/memory/memory-store.ts'
import type { Store, Unit } from '../../store/store.ts'
import type { Delivery, SubscribeOptions } from '../transport.ts'
import { GroupProgress, progressCollection } from './group-progress.ts'
import { countGroup, passedByAll } from './passed-by-all.ts'

describe('what a group remembers', () => {
  it('is noted a while after it is done, many in one commit, and not again while nothing moves', async () => {
    const { runtime, store, open, commits } = world()
    const progress = open()
    for (const partition of [0, 1]) progress.started(partition, 0, true)
    progress.delivered([at(0, 5), at(0, 9), at(1, 7)])
    for (const offset of [5, 9]) progress.done(0, offset)
    progress.done(1, 7)
    progress.done(1, 3)
    await runtime.advance(249)
    expect(commits).toHaveLength(0)
    await runtime.advance(1)
    expect(commits).toHaveLength(1)
    expect(await notes(store)).toEqual({ 'group/0': 9, 'group/1': 7 })
    await runtime.advance(60_000)
    expect(commits).toHaveLength(1)
    progress.done(0, Number.NaN)
    progress.done(2, 4)
    await runtime.advance(60_000)
    expect(commits).toHaveLength(1)
  })

  it('reaches beyond what matched nothing only once all before it is done', async () => {
    const { runtime, store, open } = world()
    const progress = open()
    progress.started(0, 0)
    progress.delivered([at(0, 4), at(0, 6)])
    progress.scanned(0, 20)
    progress.done(0, 4)
    await runtime.advance(250)
    expect(await notes(store)).toEqual({ 'group/0': 4 })
    progress.done(0, 6)
    await runtime.advance(250)
    expect(await notes(store)).toEqual({ 'group/0': 20 })
  })

  it('is where the next one begins; a group that began at the end is there before anything has happened', async () => {
    const { open } = world()
    expect(await open().begin([0, 1], undefined)).toEqual([0, 0])
    const first = open()
    expect(await first.begin([0, 1], 0)).toEqual([0, 0])
    first.started(1, 0, true)
    first.delivered([at(1, 30)])
    first.done(1, 30)
    await first.settle([1])
    expect(await open().begin([0, 1], 100)).toEqual([0, 30])
    expect(await open({ group: 'other' }).begin([0, 1], 100)).toEqual([100, 100])
  })

  it('of two that begin at the end at one time is what the first has found', async () => {
    const { open } = world()
    const places = await Promise.all([open().begin([0], 10), open().begin([0], 12), open().begin([0], 11)])
    expect(new Set(places.flat()).size).toBe(1)
  })

  it('means nothing in a log that was made anew: there the group begins with everything', async () => {
    const { open, runtime } = world()
    const old = open({}, 'yesterday')
    expect(await old.begin([0], 50)).toEqual([50])
    const fresh = open({}, 'today')
    expect(await fresh.begin([0], 7)).toEqual([0])
    fresh.started(0, 0)
    fresh.delivered([at(0, 3)])
    fresh.done(0, 3)
    await runtime.advance(250)
    expect(await open({}, 'today').begin([0], 7)).toEqual([3])
  })

  it('goes back with a log that ends before it', async () => {
    const { runtime, store, open } = world()
    const progress = open()
    progress.started(0, 50, true)
    progress.scanned(0, 12)
    progress.delivered([at(0, 13)])
    progress.done(0, 13)
    await runtime.advance(250)
    expect(await notes(store)).toEqual({ 'group/0': 13 })
  })

  it('is noted when a partition is given up, and not when it is somebody else’s already', async () => {
    const { runtime, store, open } = world()
    const progress = open()
    for (const partition of [0, 1]) {
      progress.started(partition, 0, true)
      progress.delivered([at(partition, 8)])
      progress.done(partition, 8)
    }
    progress.forget([1])
    await progress.settle([0])
    expect(await notes(store)).toEqual({ 'group/0': 8 })
    progress.done(0, 9)
    await runtime.advance(10_000)
    expect(await notes(store)).toEqual({ 'group/0': 8 })
  })

  it('is noted later where the documents fail, and one that cannot be read is none', async () => {
    const { runtime, store, open, log, fail } = world()
    const progress = open()
    progress.started(0, 0)
    progress.delivered([at(0, 8)])
    progress.done(0, 8)
    fail(true)
    await runtime.advance(1_000)
    await progress.settle([])
    expect(await notes(store)).toEqual({})
    fail(false)
    await runtime.advance(250)
    expect(await notes(store)).toEqual({ 'group/0': 8 })
    for (const put of ['', 'null', '[]', '{"offset":-1}', '{"offset":1e300}', '{"offset":"8"}', '{"__proto__":{}}']) {
      await store.commit([{ documents: [{ collection: progressCollection, id: 'group/0', put }] }])
      expect(await open().begin([0], undefined)).toEqual([0])
      expect(await open().begin([0], 4)).toEqual([4])
    }
    expect(log.filter((level) => level === 'warn')).toHaveLength(14)
  })

  it('is noted seldom where the member keeps its own place', async () => {
    const { runtime, commits, open } = world()
    const progress = open({ store: 'a' })
    expect(progress.asked).toBe(false)
    progress.started(0, 0)
    for (let offset = 1; offset <= 20; offset++) {
      progress.delivered([at(0, offset)])
      progress.done(0, offset)
      await runtime.advance(100)
    }
    expect(commits).toHaveLength(1)
    progress.stop()
    await runtime.advance(10_000)
    expect(commits).toHaveLength(1)
  })
})

describe('what all groups have passed', () => {
  it('is the least of all, and nothing while one of them has not begun with a partition', async () => {
    const { store, open } = world()
    expect(await passedByAll(store, 2)).toBe(0)
    for (const group of ['a', 'b/1']) {
      await countGroup(store, group)
      await countGroup(store, group)
    }
    const pass = async (group: string, partition: number, offset: number): Promise<void> => {
      const progress = open({ group })
      progress.started(partition, offset)
      await progress.settle([partition])
    }
    await pass('a', 0, 20)
    await pass('a', 1, 15)
    await pass('b/1', 0, 40)
    expect(await passedByAll(store, 2)).toBe(0)
    await pass('b/1', 1, 18)
    expect(await passedByAll(store, 2)).toBe(15)
    await countGroup(store, 'c')
    expect(await passedByAll(store, 2)).toBe(0)
  })
})

function world(): {
  runtime: VirtualRuntime
  store: Store
  commits: (readonly Unit[])[]
  log: string[]
  open: (subscribe?: Partial<SubscribeOptions>, log?: string) => GroupProgress
  fail: (failing: boolean) => void
} {
  const runtime = virtualRuntime({ seed: 3 })
  const store = memoryStore()
  const commits: (readonly Unit[])[] = []
  const log: string[] = []
  let failing = false
  const documents: Store = {
    ...store,
    async commit(units) {
      if (failing) throw new Error('away')
      commits.push(units)
      return store.commit(units)
    },
  }
  const host = { runtime, meter: silentMeter, log: (level: string) => void log.push(level) }
  return {
    runtime,
    store,
    commits,
    log,
    open: (subscribe, name) =>
      new GroupProgress({ subscribe: { group: 'group', ...subscribe }, documents, host, log: name }),
    fail: (now) => void (failing = now),
  }
}

function at(partition: number, offset: number): Delivery {
  return { partition, offset, stream: '', record: undefined }
}

async function notes(store: Store): Promise<Record<string, number>> {
  const all = await store.find(progressCollection)
  return Object.fromEntries(all.map(({ id, body }) => [id, (JSON.parse(body) as { offset: number }).offset]))
}
