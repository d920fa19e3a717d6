import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import { defineSaga, step } from './define-saga.ts'
import { readSaga, type SagaDocument, sagasCollection } from './saga-document.ts'

interface Order {
  readonly orderId: string
}
const key = ({ orderId }: Order): string => orderId
const Placed = defineEvent<Order>('order.placed', { key })
const Paid = defineEvent<Order & { readonly cents: number }>('order.paid', { key })
const Packed = defineEvent<Order>('order.packed', { key })
const order = { orderId: 'o-1' }

/** Version 1 counts euros, version 2 cents; `passes` counts migrations. */
function counting(version: 1 | 2, passes: string[] = []) {
  const unit = version === 1 ? 100 : 1
  return defineSaga('counting', {
    version,
    startsWith: Placed,
    timeout: 'never',
    state: () => ({ sum: 0 }),
    reacts: (on) => [on(Paid, (state, { data }) => ({ sum: state.sum + data.cents / unit }))],
    ...(version === 1
      ? {}
      : {
          migrate(old) {
            passes.push('migrated')
            return { ...old, state: { sum: (old.state as { sum: number }).sum * 100 } }
          },
        }),
  })
}

async function theSaga(world: TestWorld): Promise<SagaDocument> {
  const [document] = await world.store.find(sagasCollection)
  return readSaga(document as NonNullable<typeof document>)
}

async function pay(world: TestWorld): Promise<void> {
  await world.bus.publish(Paid, { ...order, cents: 500 })
  await world.bus.settled()
}

describe('two versions of a saga side by side', () => {
  it('leave to the newer what it has changed: it is migrated once, and what the older hears waits for the newer', async () => {
    const passes: string[] = []
    await using first = await createTestBus()
    first.bus.use(counting(1))
    await first.bus.publish(Placed, order)
    await pay(first)
    expect(await theSaga(first)).toMatchObject({ version: 1, state: { sum: 5 } })
    await first.bus.close()
    await using second = await createTestBus({ beside: first })
    second.bus.use(counting(2, passes))
    await pay(second)
    expect(await theSaga(second)).toMatchObject({ version: 2, state: { sum: 1_000 } })
    await second.bus.close()
    // The older is back, as in a deployment that is not through: what it cannot understand costs no attempt.
    await using third = await createTestBus({ beside: first })
    third.bus.use(counting(1))
    await pay(third)
    expect(third.parked()).toMatchObject([{ state: 'upgrade', attempts: 0 }])
    expect(await theSaga(third)).toMatchObject({ version: 2, state: { sum: 1_000 } })
    await using fourth = await createTestBus({ beside: first })
    fourth.bus.use(counting(2, passes))
    await fourth.bus.start()
    await third.bus.close()
    await fourth.clock.advance('10s')
    await pay(fourth)
    expect(fourth.parked()).toEqual([])
    expect(await theSaga(fourth)).toMatchObject({ version: 2, state: { sum: 2_000 } })
    expect(passes).toEqual(['migrated'])
  })

  it('lets the older begin another saga of a key whose saga has ended in the newer', async () => {
    await using first = await createTestBus()
    const saga = (version: number) =>
      defineSaga('packing', { version, startsWith: Placed, steps: [step('pack', { run: () => version })] })
    first.bus.use(saga(2))
    await first.bus.publish(Placed, order)
    await first.bus.settled()
    await first.bus.close()
    await using second = await createTestBus({ beside: first })
    second.bus.use(saga(1))
    await second.bus.publish(Placed, order)
    await second.bus.settled()
    expect(second.parked()).toEqual([])
    expect(await theSaga(second)).toMatchObject({ run: 2, version: 1, status: 'done', results: { pack: 1 } })
  })

  it('makes a call again in the newer that the older has made while the newer took the saga over', async () => {
    await using first = await createTestBus()
    const keys: string[] = []
    const packing = (version: number, during: () => Promise<void>) =>
      defineSaga('packing', {
        version,
        startsWith: Placed,
        steps: [
          step('pack', {
            async run(saga) {
              keys.push(saga.stepId)
              await during()
              await saga.publish(Packed, order)
            },
          }),
        ],
      })
    first.bus.use(
      packing(1, async () => {
        const [found] = await first.store.find(sagasCollection)
        const document = { ...readSaga(found as NonNullable<typeof found>), version: 2 }
        await first.store.commit([
          { documents: [{ collection: sagasCollection, id: found?.id ?? '', put: JSON.stringify(document) }] },
        ])
      }),
    )
    await first.bus.publish(Placed, order)
    await first.bus.settled()
    expect(first.parked()).toMatchObject([{ state: 'upgrade', attempts: 0 }])
    expect(await theSaga(first)).toMatchObject({ version: 2, steps: { pack: { is: 'running' } } })
    await first.bus.close()
    await using second = await createTestBus({ beside: first })
    second.bus.use(packing(2, async () => {}))
    await second.bus.settled()
    expect((await theSaga(second)).status).toBe('done')
    expect(keys).toHaveLength(2)
    expect(new Set(keys).size).toBe(1)
    expect(second.published(Packed)).toHaveLength(1)
  })

  it('keeps for the newer what the older knows only by name', async () => {
    await using first = await createTestBus()
    first.bus.use(defineSaga('packing', { startsWith: Placed, nextHears: Packed, steps: [step('pay', wait(Paid))] }))
    await first.bus.publish(Placed, order)
    await first.bus.publish(Packed, order)
    await first.bus.settled()
    expect(first.parked()).toMatchObject([{ state: 'upgrade', attempts: 0, type: 'order.packed' }])
    await first.bus.close()
    await using second = await createTestBus({ beside: first })
    second.bus.use(
      defineSaga('packing', {
        version: 2,
        startsWith: Placed,
        steps: [step('pay', wait(Paid)), step('pack', wait(Packed))],
      }),
    )
    await second.bus.publish(Paid, { ...order, cents: 500 })
    await second.bus.settled()
    expect(second.parked()).toEqual([])
    expect(await theSaga(second)).toMatchObject({ version: 2, status: 'done', heard: { pack: order } })
  })

  it('says what is wrong with `nextHears`', () => {
    const steps = [step<Order>('pay', wait(Paid))]
    expect(() => defineSaga('packing', { startsWith: Placed, nextHears: Paid, steps })).toThrow(
      /`nextHears`.*order.paid/,
    )
    expect(() => defineSaga('packing', { startsWith: Placed, nextHears: 'x' as never, steps })).toThrow(/`nextHears`/)
  })
})

function wait(event: typeof Paid | typeof Packed) {
  return { run: () => {}, waitFor: { event } }
}
