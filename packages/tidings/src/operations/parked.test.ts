import { describe, expect, it } from 'vitest'
import { z } from 'zod'

import { defineEvent } from '../events/define-event.ts'
import { PermanentError } from '../kernel/errors.ts'
import { createTestBus, type TestBusOptions, type TestWorld } from '../testing/create-test-bus.ts'
import { type Operations, operationsOf, operationsOn } from './operations.ts'

const OrderPlaced = defineEvent('order.placed', {
  schema: z.object({
    orderId: z.string(),
    total: z.number(),
    email: z.string().optional(),
    note: z.string().optional(),
  }),
  key: (order) => order.orderId,
  sensitive: { subject: (order) => order.orderId, fields: { note: 'erased' } },
})

interface Shop extends AsyncDisposable {
  readonly world: TestWorld
  readonly operations: Operations
  /** Orders that were handled, as `order:total`. */
  readonly handled: string[]
  /** Totals that fail. */
  readonly bad: Set<number>
}

/** A shop whose inventory stumbles over some totals. */
async function shop(
  options: Parameters<TestWorld['bus']['subscribe']>[1] = { name: 'inventory' },
  busOptions: TestBusOptions = {},
): Promise<Shop> {
  const world = await createTestBus(busOptions)
  const handled: string[] = []
  const bad = new Set([13])
  world.bus.subscribe(OrderPlaced, options, (event) => {
    if (bad.has(event.data.total)) throw new PermanentError(`Order '${event.data.orderId}' cannot be packed`)
    handled.push(`${event.data.orderId}:${event.data.total}`)
  })
  return { world, handled, bad, operations: operationsOf(world.bus), [Symbol.asyncDispose]: () => world.close() }
}

async function publish({ world }: Shop, ...orders: [orderId: string, ...totals: number[]][]): Promise<void> {
  for (const [orderId, ...totals] of orders)
    for (const total of totals)
      await world.bus.publish(
        OrderPlaced,
        { orderId, total, email: 'ada@example.org', note: 'ring twice' },
        { tenantId: 'acme' },
      )
  await world.bus.settled()
}

/** Runs what waits for the clock while the clock is moved. */
async function last<T>(world: TestWorld, steps: AsyncIterable<T>): Promise<T> {
  let latest: T | undefined
  let open = true
  const reading = (async () => {
    for await (const step of steps) latest = step
  })().finally(() => (open = false))
  while (open) await world.clock.advance(100)
  await reading
  return latest as T
}

describe('parked events', () => {
  it('are listed with what they wait for, filtered, a page at a time', async () => {
    await using one = await shop()
    await publish(one, ['a', 13, 1, 2], ['b', 13, 3], ['c', 4])
    const all = await one.operations.parked.list()
    expect(all.items.map(({ category, key, tenant, state }) => [tenant, category, key, state])).toEqual([
      ['acme', 'order', 'a', 'dead'],
      ['acme', 'order', 'a', 'behind'],
      ['acme', 'order', 'a', 'behind'],
      ['acme', 'order', 'b', 'dead'],
      ['acme', 'order', 'b', 'behind'],
    ])
    expect(all.next).toBeUndefined()
    expect(all.items[0]?.id).toMatch(/^inventory\/0\/\d+\/1$/)
    const dead = await one.operations.parked.list({ state: 'dead', type: 'order.*' })
    expect(dead.items.map(({ key }) => key)).toEqual(['a', 'b'])
    expect((await one.operations.parked.list({ stream: 'acme/order/b' })).items).toHaveLength(2)
    expect((await one.operations.parked.list({ stream: 'order/b', tenant: 'other' })).items).toEqual([])
    const first = await one.operations.parked.list({ limit: 2 })
    const second = await one.operations.parked.list({ limit: 2, after: first.next })
    const third = await one.operations.parked.list({ limit: 2, after: second.next })
    expect([...first.items, ...second.items, ...third.items]).toEqual(all.items)
    expect(third.next).toBeUndefined()
  })

  it('are summed up by what their failures have in common', async () => {
    await using one = await shop()
    await publish(one, ['a', 13, 1], ['b', 13], ['c', 13])
    const { groups, total, elsewhere } = await one.operations.parked.groups()
    expect({ total, elsewhere }).toEqual({ total: 4, elsewhere: 0 })
    expect(groups.map(({ count, states }) => [count, states])).toEqual([
      [3, { dead: 3 }],
      [1, { behind: 1 }],
    ])
    expect(groups[0]).toMatchObject({
      subscriptions: ['inventory'],
      types: ['order.placed'],
      error: { name: 'PermanentError' },
    })
    const { items } = await one.operations.parked.list({ fingerprint: groups[0]?.fingerprint })
    expect(items.map(({ key }) => key)).toEqual(['a', 'b', 'c'])
  })

  it('refuse filters that name nothing known, or nothing at all where that is dangerous', async () => {
    await using one = await shop()
    const invalid = { code: 'TIDINGS_INVALID_OPTION' }
    await expect(one.operations.parked.list({ colour: 'red' } as never)).rejects.toMatchObject({
      ...invalid,
      details: { field: 'colour' },
    })
    await expect(one.operations.parked.list({ state: 'lost' as never })).rejects.toMatchObject(invalid)
    await expect(one.operations.parked.list({ after: 'no cursor!' })).rejects.toMatchObject({
      ...invalid,
      details: { field: 'after' },
    })
    await expect(one.operations.parked.list({ id: 'inventory' })).rejects.toMatchObject({
      ...invalid,
      details: { field: 'id' },
    })
    await expect(one.operations.parked.drop({})).rejects.toMatchObject({ ...invalid, details: { field: 'filter' } })
    await expect(one.operations.parked.drop({ state: 'dead' })).rejects.toMatchObject({
      ...invalid,
      details: { field: 'filter' },
    })
    await expect(one.operations.parked.redrive({ subscription: 'inventory' }, { by: 'a\nb' })).rejects.toMatchObject({
      ...invalid,
      details: { field: 'by' },
    })
  })

  it('are shown with their event, sensitive values masked unless somebody answers for it', async () => {
    await using one = await shop()
    await publish(one, ['a', 13, 1])
    const [head, behind] = (await one.operations.parked.list()).items
    const shown = await one.operations.parked.show(head?.id as string)
    expect(shown).toMatchObject({
      state: 'dead',
      behind: 1,
      attempts: 1,
      requests: [],
      error: { name: 'PermanentError' },
    })
    expect(shown.owner.state).toBe('alive')
    expect(shown.event).toMatchObject({
      type: 'order.placed',
      masked: true,
      data: { orderId: 'a', total: 13, email: '[email]', note: '[sensitive]' },
    })
    expect(await one.operations.audit()).toEqual([])
    expect((await one.operations.parked.show(behind?.id as string)).blockedBy).toBe(head?.id)
    const revealed = await one.operations.parked.show(head?.id as string, { reveal: true, by: 'ada' })
    expect(revealed.event?.data).toMatchObject({ email: 'ada@example.org', note: 'ring twice' })
    expect(await one.operations.audit()).toMatchObject([{ by: 'ada', action: 'reveal', filter: { id: head?.id } }])
    await expect(one.operations.parked.show('inventory/0/0/999')).rejects.toMatchObject({ code: 'TIDINGS_NOT_FOUND' })
  })

  it('run again when they are redriven, their successors after them, and the audit says who asked', async () => {
    await using one = await shop()
    await publish(one, ['a', 13, 1, 2], ['b', 13], ['c', 3])
    const dry = await one.operations.parked.redrive({ subscription: 'inventory' }, { dryRun: true })
    expect(dry).toMatchObject({ matched: 2, requests: [], bySubscription: { inventory: 2 }, more: false })
    expect(await one.operations.audit()).toEqual([])
    one.bad.clear()
    const asked = await one.operations.parked.redrive({ subscription: 'inventory' }, { by: 'ada' })
    const end = await last(one.world, one.operations.parked.follow(asked.requests))
    expect(end).toMatchObject({ ended: 'settled', counts: { handled: 2, failed: 0 }, unowned: [] })
    await one.world.bus.settled()
    expect(one.handled.filter((line) => line.startsWith('a'))).toEqual(['a:13', 'a:1', 'a:2'])
    expect(one.world.parked()).toEqual([])
    expect(await one.operations.audit()).toMatchObject([
      { by: 'ada', action: 'redrive', matched: 2, filter: { subscription: 'inventory' } },
    ])
  })

  it('tell when they have failed again', async () => {
    await using one = await shop()
    await publish(one, ['a', 13])
    const asked = await one.operations.parked.redrive({ stream: 'acme/order/a' })
    const end = await last(one.world, one.operations.parked.follow(asked.requests))
    expect(end).toMatchObject({ ended: 'settled', outcomes: [{ state: 'failed', error: { name: 'PermanentError' } }] })
  })

  it('are gone when they are dropped, and what waited behind them runs', async () => {
    await using one = await shop()
    await publish(one, ['a', 13, 1, 2])
    const asked = await one.operations.parked.drop({ subscription: 'inventory' }, { by: 'ada' })
    // The events behind are sound: nothing was said of them.
    expect(asked.matched).toBe(1)
    const end = await last(one.world, one.operations.parked.follow(asked.requests))
    expect(end).toMatchObject({ ended: 'settled', counts: { dropped: 1 } })
    await one.world.bus.settled()
    expect(one.handled).toEqual(['a:1', 'a:2'])
  })

  it.each(['skip', 'park'] as const)(
    'are redriven and dropped also where they hold nobody up (%s, no order)',
    async (onPoison) => {
      await using one = await shop({ name: 'inventory', onPoison, order: onPoison === 'skip' ? 'stream' : 'none' })
      await publish(one, ['a', 13, 1], ['b', 13, 2])
      expect(one.handled.toSorted()).toEqual(['a:1', 'b:2'])
      one.bad.clear()
      const redriven = await one.operations.parked.redrive({ stream: 'acme/order/a' })
      expect(await last(one.world, one.operations.parked.follow(redriven.requests))).toMatchObject({
        counts: { handled: 1 },
      })
      const dropped = await one.operations.parked.drop({ stream: 'acme/order/b' })
      expect(await last(one.world, one.operations.parked.follow(dropped.requests))).toMatchObject({
        counts: { dropped: 1 },
      })
      expect(one.handled.toSorted()).toEqual(['a:1', 'a:13', 'b:2'])
      expect(one.world.parked()).toEqual([])
    },
  )

  it('are asked for once however often somebody asks', async () => {
    await using one = await shop()
    await publish(one, ['a', 13])
    await one.world.bus.close()
    const first = await one.operations.parked.redrive({ subscription: 'inventory' }, { by: 'ada' })
    const again = await one.operations.parked.redrive({ subscription: 'inventory' }, { by: 'bob' })
    expect(again.requests).toEqual(first.requests)
    const { requests } = await one.operations.parked.show(first.requests[0]?.replace(/\/redrive$/, '') as string)
    expect(requests).toMatchObject([{ action: 'redrive', by: 'ada' }])
    expect((await one.operations.audit()).map(({ by }) => by)).toEqual(['ada', 'bob'])
  })

  it('wait for an instance when none is alive, and the asker is told at once', async () => {
    const one = await shop()
    await publish(one, ['a', 13])
    // A crashed process closes nothing.
    one.world.faults.crash()
    await one.world.clock.advance(60_000)
    const outside = operationsOn(one.world.store, { runtime: one.world.clock.runtime })
    const asked = await outside.parked.redrive({ subscription: 'inventory' })
    const end = await last(one.world, outside.parked.follow(asked.requests, { deadline: '10m' }))
    expect(end).toMatchObject({ ended: 'unowned', counts: { asked: 1 } })
    expect(end.unowned).toHaveLength(1)
    // The next instance carries it out.
    await using two = await shop({ name: 'inventory' }, { beside: one.world })
    two.bad.clear()
    await two.world.bus.start()
    expect(await last(two.world, outside.parked.follow(asked.requests))).toMatchObject({
      ended: 'settled',
      counts: { handled: 1 },
    })
    expect(two.handled).toEqual(['a:13'])
  })

  it('end a follow at its deadline when the owner is too busy', async () => {
    await using one = await shop()
    await publish(one, ['a', 13])
    one.world.process.stop()
    const outside = operationsOn(one.world.store, { runtime: one.world.clock.runtime })
    const asked = await outside.parked.redrive({ subscription: 'inventory' })
    const end = await last(one.world, outside.parked.follow(asked.requests, { deadline: 1_000, patient: true }))
    expect(end).toMatchObject({ ended: 'deadline', counts: { asked: 1 } })
    one.world.process.resume()
  })
})

describe('a ramped redrive', () => {
  it('goes on in growing steps while events are handled', async () => {
    await using one = await shop()
    await publish(one, ...Array.from({ length: 25 }, (_, at): [string, number] => [`o-${at}`, 13]))
    one.bad.clear()
    const steps: number[] = []
    const ramp = one.operations.parked.ramp({ subscription: 'inventory' }, { ramp: [1, 5, 10] })
    const end = await last(
      one.world,
      (async function* () {
        for await (const step of ramp) {
          steps.push(step.asked)
          yield step
        }
      })(),
    )
    expect(steps).toEqual([1, 5, 10, 9])
    expect(end).toMatchObject({ ended: 'done', total: { asked: 25, handled: 25, failed: 0 } })
  })

  it('stops by itself when they fail again', async () => {
    await using one = await shop()
    await publish(one, ...Array.from({ length: 25 }, (_, at): [string, number] => [`o-${at}`, 13]))
    const end = await last(
      one.world,
      one.operations.parked.ramp({ subscription: 'inventory' }, { ramp: [2, 10], stopAfterFailures: 2 }),
    )
    expect(end).toMatchObject({ step: 1, ended: 'failures', total: { asked: 2, failed: 2 } })
    expect(one.world.parked()).toHaveLength(25)
  })

  it('tries no event twice', async () => {
    await using one = await shop()
    await publish(one, ...Array.from({ length: 6 }, (_, at): [string, number] => [`o-${at}`, 13]))
    const end = await last(
      one.world,
      one.operations.parked.ramp({ subscription: 'inventory' }, { ramp: [4], stopAfterFailures: 100 }),
    )
    expect(end).toMatchObject({ step: 2, ended: 'done', total: { asked: 6, failed: 6 } })
    const attempts = one.world.parked().map((parked) => parked.attempts)
    expect(attempts).toEqual([1, 1, 1, 1, 1, 1])
  })
})
