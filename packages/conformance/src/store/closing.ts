import assert from 'node:assert/strict'

import { isTidingsError } from 'tidings/spi'

import { allEnd } from '../suite/all-end.ts'
import type { Topic } from '../suite/case.ts'
import { record } from '../suite/event-records.ts'
import { never } from '../suite/eventually.ts'
import { commitOne, order } from './commits.ts'
import type { StoreWorld } from './store-world.ts'

export const closing: Topic<StoreWorld> = {
  name: 'closing',
  cases: [
    {
      promise: 'close',
      title: 'may be called often and at once',
      run: async ({ store }) => {
        await Promise.all([store.close(), store.close(), store.close()])
        await store.close()
      },
    },
    {
      promise: 'close',
      title: 'every later call rejects with TIDINGS_CLOSED, and none throws',
      run: async (world) => {
        const { store } = world
        await store.close()
        const calls = [
          () => store.commit([{ append: [record(world)] }]),
          () => store.commit([]),
          () => store.readStream(order),
          () => store.readAll({ after: 0, limit: 1 }),
          () => store.find('c'),
          () => store.prune({ through: 1, limit: 1 }),
        ]
        for (const call of calls) await rejectsClosed(call())
        store.watch(() => {})()
      },
    },
    {
      promise: 'close',
      title: 'calls made before it are answered, with success or with TIDINGS_CLOSED, never with silence',
      run: async (world) => {
        const { store } = world
        const running = Array.from({ length: 20 }, () => commitOne(store, { append: [record(world)] }))
        running.push(...Array.from({ length: 20 }, async () => (await store.readAll({ after: 0, limit: 100 })).events))
        const [answers] = await allEnd([Promise.allSettled(running), store.close()] as const)
        for (const answer of answers) {
          if (answer.status === 'rejected')
            assert.ok(isTidingsError(answer.reason, 'TIDINGS_CLOSED'), String(answer.reason))
        }
        assert.equal(answers[0]?.status, 'fulfilled', 'the first call was running when close was called')
      },
    },
    {
      promise: 'close',
      title: 'wakes nobody afterwards',
      run: async (world) => {
        const { store, patience } = world
        let wakes = 0
        store.watch(() => void wakes++)
        await commitOne(store, { append: [record(world)] })
        await store.close()
        const before = wakes
        await never(() => wakes > before, 'A watcher was woken after close.', { ...patience, deadline: 30 })
      },
    },
  ],
}

export async function rejectsClosed(call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(isTidingsError(error, 'TIDINGS_CLOSED'), `expected TIDINGS_CLOSED, got ${String(error)}`)
    return true
  })
}
