import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import type { FaultRule } from '../testing/fault-plan.ts'

const OrderPlaced = defineEvent('order.placed')

describe('publishing to a store that fails', () => {
  const applied: FaultRule[] = [
    { what: 'lose answer', at: 'publish', times: 1 },
    { what: 'fail', at: 'publish' },
  ]

  it('never says that nothing was written once it does not know', async () => {
    await using world = await createTestBus({ faults: applied })
    const { bus, clock, published } = world
    const refused = bus.publish(OrderPlaced, {}).catch((error: unknown) => error)
    await clock.advance('1m')
    expect(await refused).toMatchObject({ code: 'TIDINGS_COMMIT_UNKNOWN' })
    expect(published()).toHaveLength(1)
  })

  it('says so where it knows', async () => {
    await using world = await createTestBus({ faults: [{ what: 'fail', at: 'publish' }] })
    const { bus, clock, published } = world
    const refused = bus.publish([OrderPlaced.create({}), OrderPlaced.create({})]).catch((error: unknown) => error)
    await clock.advance('1m')
    expect(await refused).toMatchObject({ code: 'TIDINGS_STORE_UNAVAILABLE' })
    expect(published()).toEqual([])
  })

  it('stores an event once that it publishes again because the answer was lost', async () => {
    await using world = await createTestBus({ faults: [{ what: 'lose answer', at: 'publish', times: 2 }] })
    const { bus, clock, published } = world
    const receipt = bus.publish(OrderPlaced, {})
    await clock.advance('1m')
    expect(await receipt).toMatchObject({ position: 1, streamVersion: 1 })
    expect(published()).toHaveLength(1)
  })
})

describe('a batch of events whose type wants each content once', () => {
  const Paid = defineEvent<{ readonly id: string; readonly total: number }>('order.paid', { dedup: 'content' })

  it('writes each content once and tells of which events the others are duplicates', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    const before = await bus.publish(Paid, { id: 'a', total: 1 })
    const drafts = [
      Paid.create({ id: 'a', total: 1 }),
      Paid.create({ id: 'b', total: 1 }),
      OrderPlaced.create({ id: 'b' }),
      Paid.create({ id: 'b', total: 1 }),
      Paid.create({ id: 'b', total: 2 }),
      OrderPlaced.create({ id: 'b' }),
    ]
    const receipts = await bus.publish(drafts)
    expect(receipts.map(({ duplicateOf }) => duplicateOf)).toEqual([
      before.id,
      undefined,
      undefined,
      receipts[1]?.id,
      undefined,
      undefined,
    ])
    expect(receipts.map(({ position }) => position)).toEqual([1, 2, 3, 2, 4, 5])
    expect(published()).toHaveLength(5)
    expect(
      (await bus.publish(drafts.filter(({ definition }) => definition === Paid))).every(
        ({ duplicateOf }) => duplicateOf !== undefined,
      ),
    ).toBe(true)
    expect(published()).toHaveLength(5)
  })

  it('writes each content once where several batches race', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    const batch = [1, 2, 3].map((total) => Paid.create({ id: 'a', total }))
    const all = await Promise.all([1, 2, 3, 4].map(() => bus.publish(batch)))
    expect(published(Paid)).toHaveLength(3)
    expect(all.flat().filter(({ duplicateOf }) => duplicateOf === undefined)).toHaveLength(3)
  })

  it('takes a key of duplicates for one event only', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    const draft = OrderPlaced.create({})
    await expect(bus.publish([draft, draft], { dedupKey: 'k' })).rejects.toMatchObject({
      code: 'TIDINGS_INVALID_OPTION',
      details: { field: 'dedupKey' },
    })
    const [first] = await bus.publish([draft], { dedupKey: 'k' })
    const [again] = await bus.publish([draft], { dedupKey: 'k' })
    expect(again?.duplicateOf).toBe(first?.id)
    expect(published()).toHaveLength(1)
  })
})

describe('a batch with a version that its stream must stand at', () => {
  const drafts = (...ids: string[]): ReturnType<typeof OrderPlaced.create>[] =>
    ids.map((id) => OrderPlaced.create({ id }))

  it('is written whole at that version, or not at all', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    await bus.publish(drafts('o-1', 'o-1'), { expectedVersion: 0 })
    await expect(bus.publish(drafts('o-1', 'o-1'), { expectedVersion: 1 })).rejects.toMatchObject({
      code: 'TIDINGS_CONFLICT',
    })
    await bus.publish(drafts('o-1', 'o-1'), { expectedVersion: 2 })
    expect(published()).toHaveLength(4)
  })

  it('is refused where it is of several streams, for one version says nothing of the others', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    await bus.publish(drafts('o-2'))
    const refused = { code: 'TIDINGS_INVALID_OPTION', details: { field: 'expectedVersion' } }
    await expect(bus.publish(drafts('o-1', 'o-2'), { expectedVersion: 0 })).rejects.toMatchObject(refused)
    await expect(bus.publish(drafts('o-1', 'o-1'), { expectedVersion: 0, tenantId: 'acme' })).resolves.toHaveLength(2)
    expect(published()).toHaveLength(3)
  })
})
