import { expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import { defineSaga, step } from './define-saga.ts'
import { readSaga, sagasCollection } from './saga-document.ts'

const Placed = defineEvent<{ readonly orderId: string }>('order.placed', { key: ({ orderId }) => orderId })
const Told = defineEvent<{ readonly orderId: string }>('mail.told', { key: ({ orderId }) => orderId })
const order = { orderId: 'o-1' }

async function statusOf(world: TestWorld): Promise<string | undefined> {
  const [document] = await world.store.find(sagasCollection)
  return document === undefined ? undefined : readSaga(document).status
}

it('goes on where a step publishes under an id that stands already', async () => {
  await using world = await createTestBus()
  const calls: string[] = []
  world.bus.use(
    defineSaga('telling', {
      startsWith: Placed,
      steps: [
        step('tell', { run: (saga) => saga.publish(Told, order, { id: `told-${saga.key}` }) }),
        step('pay', { run: () => void calls.push('pay'), compensate: () => void calls.push('unpay') }),
        step('ship', {
          run() {
            if (calls.length < 3) throw new Error('no van')
          },
          compensate: (saga) => saga.publish(Told, order, { id: `told-${saga.key}` }),
          retry: { tries: 1 },
        }),
      ],
    }),
  )
  await world.bus.publish(Told, order, { id: 'told-o-1' })
  await world.bus.publish(Placed, order)
  await world.bus.settled()
  expect(await statusOf(world)).toBe('compensated')
  expect(calls).toEqual(['pay', 'unpay'])
  expect(world.published(Told)).toHaveLength(1)
  // The key may be used again, with the same ids.
  calls.push('van')
  await world.bus.publish(Placed, order)
  await world.bus.settled()
  expect(await statusOf(world)).toBe('done')
  expect(calls).toEqual(['pay', 'unpay', 'van', 'pay'])
})

it('goes on where a reaction does, also one that fails its saga', async () => {
  await using world = await createTestBus()
  const calls: string[] = []
  world.bus.use(
    defineSaga('telling', {
      startsWith: Placed,
      state: () => 0,
      reacts: (on) => [
        on(Placed, async (_state, _event, saga) => {
          await saga.effect('pay', () => void calls.push('pay'))
          await saga.publish(Told, order, { id: `told-${saga.key}` })
          if (calls.length === 1) saga.fail('no van')
          else saga.done()
        }),
      ],
      compensate: { pay: () => void calls.push('unpay') },
    }),
  )
  await world.bus.publish(Told, order, { id: 'told-o-1' })
  await world.bus.publish(Placed, order)
  await world.bus.settled()
  expect(await statusOf(world)).toBe('compensated')
  await world.bus.publish(Placed, order)
  await world.bus.settled()
  expect(await statusOf(world)).toBe('done')
  expect(calls).toEqual(['pay', 'unpay', 'pay'])
  expect(world.parked()).toEqual([])
})

it('publishes once what a commit without an answer has published already', async () => {
  for (const what of ['lose answer', 'apply late'] as const) {
    await using world = await createTestBus()
    const calls: string[] = []
    world.bus.use(
      defineSaga('telling', {
        startsWith: Placed,
        steps: [
          step('tell', { run: (saga) => saga.publish(Told, order) }),
          step('pay', { run: () => void calls.push('pay') }),
        ],
      }),
    )
    await world.bus.start()
    world.faults.add({ what, at: 'saga', skip: 1, times: 2, takes: ['20ms', '80ms'] })
    await world.bus.publish(Placed, order)
    await world.clock.advance('5s')
    await world.bus.settled()
    expect(await statusOf(world), what).toBe('done')
    expect(world.published(Told)).toHaveLength(1)
    expect(calls).toEqual(['pay'])
  }
})
