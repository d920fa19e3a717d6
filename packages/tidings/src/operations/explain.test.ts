import { describe, expect, it } from 'vitest'
import { z } from 'zod'

import { defineEvent } from '../events/define-event.ts'
import { PermanentError } from '../kernel/errors.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import type { Standing } from './explain.ts'
import { operationsOf, operationsOn } from './operations.ts'

const OrderPlaced = defineEvent('order.placed', {
  schema: z.object({ orderId: z.string(), total: z.number() }),
  key: (order) => order.orderId,
})

async function standings(world: TestWorld, id: string): Promise<Record<string, Standing>> {
  const [explanation] = await operationsOf(world.bus).explain(id)
  return Object.fromEntries((explanation?.subscriptions ?? []).map(({ name, standing }) => [name, standing]))
}

describe('explain', () => {
  it('says of each subscription whether it matches, and where the event is for it', async () => {
    await using world = await createTestBus()
    const { bus } = world
    bus.subscribe(OrderPlaced, { name: 'inventory' }, () => {})
    bus.subscribe('order.*', { name: 'strict' }, () => {
      throw new PermanentError('no')
    })
    bus.subscribe('stock.**', { name: 'stock' }, () => {})
    const { id } = await bus.publish(OrderPlaced, { orderId: 'o-1', total: 1 })
    const next = await bus.publish(OrderPlaced, { orderId: 'o-1', total: 2 })
    await bus.settled()
    expect(await standings(world, id)).toEqual({ inventory: 'handled', strict: 'parked', stock: 'no-match' })
    const [first] = await operationsOf(bus).explain(id)
    expect(first?.event).toMatchObject({
      id,
      type: 'order.placed',
      category: 'order',
      key: 'o-1',
      position: 1,
      streamVersion: 1,
    })
    expect(first?.subscriptions.find(({ name }) => name === 'stock')?.why).toContain('stock.**')
    const [second] = await operationsOf(bus).explain(next.id)
    const behind = second?.subscriptions.find(({ name }) => name === 'strict')?.parked
    expect(behind).toMatchObject({
      state: 'behind',
      blockedBy: first?.subscriptions.find(({ name }) => name === 'strict')?.parked?.id,
    })
  })

  it('tells what came before a subscription was registered', async () => {
    await using world = await createTestBus()
    const { id } = await world.bus.publish(OrderPlaced, { orderId: 'o-1', total: 1 })
    world.bus.subscribe(OrderPlaced, { name: 'late' }, () => {})
    await world.bus.settled()
    expect(await standings(world, id)).toEqual({ late: 'before-start' })
  })

  it('tells what waits because nobody is there', async () => {
    await using world = await createTestBus()
    world.bus.subscribe(OrderPlaced, { name: 'inventory' }, () => {})
    await world.bus.start()
    await world.bus.settled()
    await world.bus.close()
    await using publisher = await createTestBus({ beside: world })
    const { id } = await publisher.bus.publish(OrderPlaced, { orderId: 'o-1', total: 1 })
    const operations = operationsOn(world.store, { runtime: world.clock.runtime })
    const [explanation] = await operations.explain(id)
    expect(explanation?.subscriptions).toMatchObject([
      { name: 'inventory', standing: 'waiting', why: expect.stringContaining('No instance') as string },
    ])
  })

  it('counts an event as waiting while it runs, also when a later one of another stream is done', async () => {
    await using world = await createTestBus()
    let release = (): void => {}
    const gate = new Promise<void>((resolve) => (release = resolve))
    world.bus.subscribe(OrderPlaced, { name: 'inventory' }, (event) =>
      event.data.orderId === 'slow' ? gate : undefined,
    )
    const slow = await world.bus.publish(OrderPlaced, { orderId: 'slow', total: 1 })
    const fast: string[] = []
    for (let at = 0; at < 30; at++)
      fast.push((await world.bus.publish(OrderPlaced, { orderId: `fast-${at}`, total: 1 })).id)
    await world.clock.advance(10_000)
    expect(await standings(world, slow.id)).toEqual({ inventory: 'waiting' })
    for (const id of fast) expect(await standings(world, id)).toEqual({ inventory: 'handled' })
    release()
    await world.bus.settled()
    expect(await standings(world, slow.id)).toEqual({ inventory: 'handled' })
  })

  it('takes inline listeners on a store in memory for done when publish has returned', async () => {
    await using world = await createTestBus()
    world.bus.subscribe(OrderPlaced, { name: 'metrics', mode: 'inline' }, () => {})
    await world.bus.start()
    const { id } = await world.bus.publish(OrderPlaced, { orderId: 'o', total: 1 })
    expect(await standings(world, id)).toEqual({ metrics: 'handled' })
  })

  it('does not call handled what an operator has dropped', async () => {
    await using world = await createTestBus()
    world.bus.subscribe(OrderPlaced, { name: 'inventory' }, () => {
      throw new PermanentError('no')
    })
    const { id } = await world.bus.publish(OrderPlaced, { orderId: 'o', total: 1 })
    await world.bus.settled()
    const operations = operationsOf(world.bus)
    await operations.parked.drop({ subscription: 'inventory' }, { by: 'ada' })
    await world.clock.advance(5_000)
    const [explanation] = await operations.explain(id)
    expect(explanation?.subscriptions).toMatchObject([{ standing: 'dropped', dropped: { by: 'ada' } }])
  })

  it('rejects for an event the log does not hold', async () => {
    await using world = await createTestBus()
    await expect(operationsOf(world.bus).explain('nobody')).rejects.toMatchObject({ code: 'TIDINGS_NOT_FOUND' })
    await expect(operationsOf(world.bus).explain('')).rejects.toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
  })
})
