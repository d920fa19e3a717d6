import assert from 'node:assert/strict'

import type { Topic } from '../suite/case.ts'
import { record } from '../suite/event-records.ts'
import { eventually, never } from '../suite/eventually.ts'
import { commitOne } from './commits.ts'
import type { StoreWorld } from './store-world.ts'

export const watching: Topic<StoreWorld> = {
  name: 'watching',
  cases: [
    {
      promise: 'watch',
      title: 'wakes everybody who watches, soon after each commit',
      run: async (world) => {
        const { store, patience } = world
        const wakes = [0, 0, 0]
        const stops = wakes.map((_, at) => store.watch(() => void (wakes[at] = (wakes[at] ?? 0) + 1)))
        for (let commit = 0; commit < 3; commit++) {
          const before = [...wakes]
          await commitOne(store, { append: [record(world)] })
          await eventually(() => wakes.every((count, at) => count > (before[at] ?? 0)), patience)
        }
        for (const stop of stops) stop()
      },
    },
    {
      promise: 'watch',
      title: 'finds what was committed when it wakes',
      run: async (world) => {
        const { store, patience } = world
        const found: Promise<number>[] = []
        const stop = store.watch(
          () => void found.push(store.readAll({ after: 0, limit: 10 }).then((page) => page.events.length)),
        )
        await commitOne(store, { append: [record(world)] })
        await eventually(async () => (await Promise.all(found)).includes(1), patience)
        stop()
        await Promise.all(found)
      },
    },
    {
      promise: 'watch',
      title: 'falls silent when stopped; stopping twice is harmless, and one stop stops one watcher',
      run: async (world) => {
        const { store, patience } = world
        const wakes = { stopped: 0, other: 0 }
        const wake = (): void => void wakes.stopped++
        const stop = store.watch(wake)
        const stopOther = store.watch(() => void wakes.other++)
        await commitOne(store, { append: [record(world)] })
        await eventually(() => wakes.stopped > 0 && wakes.other > 0, patience)
        stop()
        stop()
        const before = { ...wakes }
        await commitOne(store, { append: [record(world)] })
        await eventually(() => wakes.other > before.other, patience)
        await never(() => wakes.stopped > before.stopped, 'A stopped watcher was woken.', { ...patience, deadline: 30 })
        stopOther()
      },
    },
    {
      promise: 'watch',
      title: 'a function that watches twice is two watchers',
      run: async (world) => {
        const { store, patience } = world
        let wakes = 0
        const wake = (): void => void wakes++
        const stop = store.watch(wake)
        const stopOther = store.watch(wake)
        stop()
        await commitOne(store, { append: [record(world)] })
        await eventually(() => wakes > 0, patience)
        stopOther()
      },
    },
    {
      promise: 'not-synchronous',
      title: 'calls nobody from inside watch or from inside the call that commits',
      run: async (world) => {
        const { store, patience } = world
        let inside = true
        let early = 0
        let wakes = 0
        const stop = store.watch(() => {
          wakes++
          if (inside) early++
        })
        inside = false
        for (let commit = 0; commit < 3; commit++) {
          const before = wakes
          inside = true
          const committed = store.commit([{ append: [record(world)] }])
          inside = false
          await committed
          await eventually(() => wakes > before, patience)
        }
        stop()
        assert.equal(early, 0)
      },
    },
  ],
}
