import { busStatus, defineEvent, operationsOf } from 'tidings'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { type BrokerWorld, brokerWorld, note, type ServiceInstance } from './broker-world.ts'

const Counted = defineEvent('order.counted', { key: (data: { order: string; n: number }) => data.order })
const orders = ['o-1', 'o-2', 'o-3', 'o-4', 'o-5']

let world: BrokerWorld
beforeEach(() => {
  world = brokerWorld(11)
})
afterEach(() => world.close())

/** Publishes the next `count` of each order. */
async function publish(shop: ServiceInstance, from: number, count: number): Promise<void> {
  for (let n = from; n < from + count; n++)
    for (const order of orders) await world.run(shop.bus.publish(Counted, { order, n }))
}

/** The numbers of each order as they were heard. */
function numbers(heard: ReturnType<typeof note>): Record<string, number[]> {
  const all: Record<string, number[]> = {}
  for (const { event } of heard) {
    const { order, n } = event.data as { order: string; n: number }
    ;(all[order] ??= []).push(n)
  }
  return all
}

function upTo(count: number): Record<string, number[]> {
  return Object.fromEntries(orders.map((order) => [order, Array.from({ length: count }, (_, n) => n)]))
}

test('a broker that is away for a minute loses nothing, repeats nothing, and costs no attempt', async () => {
  const shop = await world.open('shop')
  const audit = await world.open('audit')
  const heard = note(audit.bus, Counted)
  await world.run(Promise.all([shop.bus.start(), audit.bus.start()]))
  await publish(shop, 0, 3)
  await world.until('the first have come', () => heard.length === 15)
  shop.link.add({ what: 'fail', times: 1, lasts: '60s' })
  audit.link.add({ what: 'fail', times: 1, lasts: '60s' })
  await publish(shop, 3, 40)
  await world.runtime.advance(20_000)
  expect(heard).toHaveLength(15)
  const during = (await busStatus(shop.bus)).bridge
  expect(during?.relay).toMatchObject({ breaker: 'open', parked: 0 })
  expect(during?.relay.lag).toBeGreaterThan(100)
  await world.until('all have come', () => heard.length === 215, 180_000)
  expect(numbers(heard)).toEqual(upTo(43))
  expect(new Set(heard.map(({ attempt }) => attempt))).toEqual(new Set([1]))
  expect((await operationsOf(shop.bus).parked.list()).items).toEqual([])
  await world.runtime.advance(60_000)
  expect(heard).toHaveLength(215)
})

test('a publisher that dies with answers outstanding sends the rest when it comes back, in order', async () => {
  const audit = await world.open('audit')
  const heard = note(audit.bus, Counted)
  let shop = await world.open('shop')
  await world.run(Promise.all([shop.bus.start(), audit.bus.start()]))
  // The broker has them, but the relay does not know.
  shop.link.add({ what: 'lose answer', at: 'publish', times: 3, lasts: '500ms' })
  await publish(shop, 0, 10)
  await world.runtime.advance(100)
  shop.crash()
  shop = await world.open('shop')
  await world.run(shop.bus.start())
  await publish(shop, 10, 5)
  await world.until('all have come', () => heard.length >= 75)
  await world.runtime.advance(30_000)
  expect(numbers(heard)).toEqual(upTo(15))
})

test('a receiver that dies goes on where its store stands', async () => {
  const shop = await world.open('shop')
  let audit = await world.open('audit')
  const before = note(audit.bus, Counted)
  await world.run(Promise.all([shop.bus.start(), audit.bus.start()]))
  await publish(shop, 0, 4)
  await world.until('some have come', () => before.length >= 10)
  audit.crash()
  await publish(shop, 4, 4)
  audit = await world.open('audit')
  const after = note(audit.bus, Counted)
  await world.run(audit.bus.start())
  await publish(shop, 8, 2)
  await world.until(
    'all are stored',
    async () => (await audit.store.readAll({ after: 0, limit: 100 })).events.length === 50,
  )
  await world.until('the last have come', () => numbers(after)['o-5']?.includes(9) === true)
  const { events } = await audit.store.readAll({ after: 0, limit: 100 })
  const stored = events.map(({ record }) => JSON.parse(record.data as string) as { order: string; n: number })
  for (const order of orders)
    expect(stored.filter((data) => data.order === order).map(({ n }) => n)).toEqual(upTo(10)[order])
})

test('a receiver whose store is away takes no more than its window, and goes on by itself', async () => {
  const shop = await world.open('shop')
  const audit = await world.open('audit', { inbox: { window: 20 } })
  const heard = note(audit.bus, Counted)
  await world.run(Promise.all([shop.bus.start(), audit.bus.start()]))
  audit.disk.add({ what: 'fail', times: 1, lasts: '60s' })
  await publish(shop, 0, 30)
  await world.runtime.advance(10_000)
  expect((await busStatus(audit.bus)).bridge?.inbox.held).toBe(20)
  await world.until('all have come', () => heard.length === 150, 180_000)
  expect(numbers(heard)).toEqual(upTo(30))
})

test('an inbox that has lost its group joins it anew, and says so meanwhile', async () => {
  const shop = await world.open('shop')
  let breaks: (() => void) | undefined
  let refusing = false
  const audit = await world.open('audit', {
    through: (transport) => ({
      ...transport,
      subscribe: async (options, sink) => {
        if (refusing) throw new Error('no coordinator')
        const consumer = await transport.subscribe(options, sink)
        breaks = () => void consumer.close().then(() => sink.ended(new Error('the connection is gone')))
        return consumer
      },
    }),
  })
  const heard = note(audit.bus, Counted)
  await world.run(Promise.all([shop.bus.start(), audit.bus.start()]))
  await publish(shop, 0, 2)
  await world.until('the first have come', () => heard.length === 10)
  refusing = true
  breaks?.()
  await world.until('it is told', async () => (await busStatus(audit.bus)).bridge?.inbox.state === 'joining')
  await publish(shop, 2, 2)
  await world.runtime.advance(20_000)
  expect((await busStatus(audit.bus)).bridge?.inbox).toMatchObject({ state: 'joining', trouble: 'no coordinator' })
  refusing = false
  await world.until('all have come', () => heard.length === 20)
  expect((await busStatus(audit.bus)).bridge?.inbox).toMatchObject({ state: 'joined' })
  expect((await busStatus(audit.bus)).bridge?.inbox.trouble).toBeUndefined()
  expect(numbers(heard)).toEqual(upTo(4))
  expect(audit.logged.map(({ message }) => message)).toContain('The inbox is in its group again')
})

test('two instances of one service share what comes, and one takes over from the other', async () => {
  const shop = await world.open('shop')
  const first = await world.open('audit')
  const second = await world.open('audit')
  const heard = [note(first.bus, Counted), note(second.bus, Counted)] as const
  await world.run(Promise.all([shop.bus.start(), first.bus.start(), second.bus.start()]))
  await world.until('both take part', async () => {
    const shares = await Promise.all(
      [first, second].map(async ({ bus }) => (await busStatus(bus)).bridge?.inbox.partitions.length),
    )
    return shares.join() === '2,2'
  })
  await publish(shop, 0, 10)
  await world.until('all are there', () => heard[0].length + heard[1].length === 50)
  first.crash()
  await publish(shop, 10, 10)
  await world.until('the last have come', () => numbers(heard[1])['o-5']?.includes(19) === true)
  await world.runtime.advance(30_000)
  const { events } = await second.store.readAll({ after: 0, limit: 200 })
  expect(events).toHaveLength(100)
  expect((await busStatus(second.bus)).bridge?.inbox.partitions).toEqual([0, 1, 2, 3])
})

describe.each(Array.from({ length: 60 }, (_, at) => at + 1))('in bad weather, seed %d', (seed) => {
  test('each event arrives once and in order, whoever crashes', async () => {
    await world.close()
    world = brokerWorld(seed)
    const weather = (service: ServiceInstance): void => {
      for (const plan of [service.disk, service.link]) {
        plan.add({ what: 'fail', chance: 0.05 })
        plan.add({ what: 'lose answer', chance: 0.05 })
        plan.add({ what: 'apply late', chance: 0.02, takes: [10, 3_000] })
        plan.add({ what: 'delay', chance: 0.1, takes: [1, 200] })
        plan.add({ what: 'repeat', at: 'deliver', chance: 0.2 })
      }
    }
    let shop = await world.open('shop')
    let audit = await world.open('audit')
    await world.run(Promise.all([shop.bus.start(), listen(audit)]))
    weather(shop)
    weather(audit)
    let sent = 0
    for (let round = 0; round < 6; round++) {
      for (let step = 0; step < 4; step++, sent++)
        for (const order of orders)
          await world.run(retried(() => shop.bus.publish(Counted, { order, n: sent }, { id: `${order}-${sent}` })))
      await world.runtime.advance(world.runtime.random() * 2_000)
      if (world.runtime.random() < 0.4) {
        shop.crash()
        await world.runtime.advance(world.runtime.random() * 8_000)
        shop = await world.open('shop')
        await world.run(shop.bus.start())
        weather(shop)
      }
      if (world.runtime.random() < 0.4) {
        audit.crash()
        await world.runtime.advance(world.runtime.random() * 8_000)
        audit = await world.open('audit')
        await world.run(listen(audit))
        weather(audit)
      }
    }
    for (const service of [shop, audit]) {
      service.disk.heal()
      service.link.heal()
    }
    const total = sent * orders.length
    await world.until(
      'all are stored',
      async () => (await audit.store.readAll({ after: 0, limit: 1_000 })).events.length >= total,
    )
    await world.runtime.advance(30_000)
    const { events } = await audit.store.readAll({ after: 0, limit: 1_000 })
    const stored = events.map(({ record }) => JSON.parse(record.data as string) as { order: string; n: number })
    expect(stored).toHaveLength(total)
    for (const order of orders)
      expect(stored.filter((data) => data.order === order).map(({ n }) => n)).toEqual(upTo(sent)[order])
    for (const { bus } of [shop, audit]) expect((await operationsOf(bus).parked.list()).items).toEqual([])
  })

  function listen({ bus }: ServiceInstance): Promise<void> {
    note(bus, Counted)
    return bus.start()
  }

  /** A publisher repeats what it got no answer for, under the same id. */
  async function retried(publishing: () => Promise<unknown>): Promise<void> {
    for (let left = 50; ; left--) {
      try {
        await publishing()
        return
      } catch (error) {
        if (left === 0) throw error
      }
    }
  }
})
