import { expect, it } from 'vitest'

import { memoryStore } from '../store/memory/memory-store.ts'
import { loadParked } from './load-parked.ts'
import { type ParkedEvent, putParked } from './parked-event.ts'
import { markId, marksCollection, takeOver } from './partition-state.ts'

const parked = (offset: number, state: ParkedEvent['state']): ParkedEvent => ({
  subscription: 'watcher',
  run: 0,
  stream: '\u001forder\u001f1',
  partition: 0,
  offset,
  type: 'order.placed',
  eventId: `e-${offset}`,
  state,
  blocking: true,
  attempts: state === 'retry' ? 1 : 0,
  parkedAt: 0,
})

it('lets go what was parked although a transaction that came late has handled it', async () => {
  const store = memoryStore({ partitions: 1 })
  const before = await takeOver(store, 'watcher/0/0', 0, 'here', 0)
  await store.commit([
    {
      documents: [
        putParked(parked(7, 'retry')),
        putParked(parked(8, 'behind')),
        { collection: marksCollection, id: markId(before, 7), put: '{}' },
      ],
    },
  ])
  const after = await takeOver(store, 'watcher/0/0', 0, 'there', 0)
  expect((await loadParked(store, 'watcher/0/0')).map(({ offset }) => offset)).toEqual([8])
  expect(await store.find(marksCollection)).toEqual([])
  expect(after.watermark.progress()).toEqual({ watermark: 0, done: [[7, 7]] })
  expect((await store.find('checkpoints'))[0]?.version).toBe(after.checkpointVersion)
})

it('writes down what was looked at while its last checkpoint was on its way', async () => {
  const state = await takeOver(memoryStore({ partitions: 1 }), 'watcher/0/0', 0, 'here', 0)
  state.watermark.scanned(5)
  state.checkpoint()
  state.watermark.scanned(9)
  state.committed()
  expect(state.moved).toBe(true)
  expect(state.checkpoint()).toMatchObject({ put: '{"watermark":9,"done":[]}' })
  state.committed()
  expect(state.moved).toBe(false)
})
