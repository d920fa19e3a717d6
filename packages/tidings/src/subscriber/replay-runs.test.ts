import { expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { type ReplayRun, replayId, replaysCollection } from './replay-runs.ts'

const Counted = defineEvent('counter.counted')

it('is not done before what waits for its retry has been handled', async () => {
  await using world = await createTestBus()
  const { bus, clock, store } = world
  let replayed = 0
  const retry = { tries: 3, backoff: [60_000], parkAbove: 0 }
  bus.subscribe(Counted, { name: 'count', replay: 'safe', retry }, (_event, { replay, attempt }) => {
    if (!replay) return
    if (attempt === 1) throw new Error('not yet')
    replayed++
  })
  await bus.publish(Counted, { n: 1 })
  await bus.settled()
  const run: ReplayRun = { subscription: 'count', run: 1, after: 0, upTo: 1, state: 'open', by: 'ops', at: 0 }
  const index = { state: run.state, subscription: run.subscription }
  await store.commit([
    { documents: [{ collection: replaysCollection, id: replayId(run), put: JSON.stringify(run), index }] },
  ])
  const state = async (): Promise<string> =>
    (JSON.parse((await store.find(replaysCollection))[0]?.body as string) as ReplayRun).state
  await clock.advance('30s')
  expect({ replayed, state: await state() }).toEqual({ replayed: 0, state: 'open' })
  await clock.advance('1m')
  expect({ replayed, state: await state() }).toEqual({ replayed: 1, state: 'done' })
  expect(world.parked()).toEqual([])
})
