import { defineEvent, memoryStore, type Store } from 'tidings'
import { logTransport, silentMeter } from 'tidings/spi'
import { faultyStore } from 'tidings/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type BrokerWorld, brokerWorld, note, type ServiceInstance, type ServiceOptions } from './broker-world.ts'

const Counted = defineEvent('order.counted', { key: (data: { n: number }) => `o-${data.n % 7}` })

let world: BrokerWorld
beforeEach(() => {
  world = brokerWorld(19)
})
afterEach(() => world.close())

/** Over a broker's log of its own, which has this name where it is given one. */
function over(broker: Store, log?: string): ServiceOptions {
  return {
    through: (_transport, link, process) => {
      const host = { runtime: process, log: () => {}, meter: silentMeter }
      const transport = logTransport(faultyStore(broker, process, link), host)
      return { ...transport, capabilities: { ...transport.capabilities, ...(log !== undefined && { log }) } }
    },
  }
}

/** Publishes the numbers from one to another, and waits until the broker has them. */
async function fill(broker: Store, name: string, from: number, to: number): Promise<void> {
  const shop = await world.open(name, over(broker))
  await world.run(shop.bus.start())
  for (let n = from; n < to; n++) await world.run(shop.bus.publish(Counted, { n }))
  await world.until('the broker has them', async () => {
    const { events } = await broker.readAll({ after: 0, limit: 1_000, types: ['order.counted'] })
    return events.length === to - from
  })
}

/** A service that hears as a group with a store of its own does, for the first time or after its crash. */
async function audit(options: ServiceOptions): Promise<ServiceInstance> {
  const service = await world.open('audit', { inbox: { from: 'beginning' }, ...options })
  note(service.bus, Counted)
  await world.run(service.bus.start())
  return service
}

/** The numbers that its store has, sorted. */
async function numbersOf({ store }: ServiceInstance): Promise<number[]> {
  const { events } = await store.readAll({ after: 0, limit: 1_000, types: ['order.counted'] })
  return events.map(({ record }) => (JSON.parse(String(record.data)) as { n: number }).n).toSorted((a, b) => a - b)
}

const counted = (to: number): number[] => Array.from({ length: to }, (_, n) => n)

const warned = ({ logged }: ServiceInstance): boolean =>
  logged.some(({ level, message }) => level === 'warn' && message.includes('made anew'))

test("a broker's log that was made anew is read from its beginning, though it has grown past the place of the group", async () => {
  const [one, two] = [memoryStore({ partitions: 4 }), memoryStore({ partitions: 4 })]
  await fill(one, 'shop', 0, 5)
  const before = await audit(over(one, 'one'))
  await world.until('all have come', async () => (await numbersOf(before)).length === 5)
  expect(warned(before)).toBe(false)
  before.crash()
  await fill(two, 'store', 5, 30)
  const after = await audit(over(two, 'two'))
  await world.until('it has begun anew', async () => (await numbersOf(after)).length === 30)
  expect(await numbersOf(after)).toEqual(counted(30))
  expect(warned(after)).toBe(true)
  after.crash()
  // From here on it is the log that it knows.
  const again = await audit(over(two, 'two'))
  await world.runtime.advance(30_000)
  expect(warned(again)).toBe(false)
})

test('a place that was written down before logs had names holds, and gets the name', async () => {
  const broker = memoryStore({ partitions: 4 })
  await fill(broker, 'shop', 0, 5)
  const before = await audit(over(broker))
  await world.until('all have come', async () => (await numbersOf(before)).length === 5)
  await world.runtime.advance(10_000)
  before.crash()
  const after = await audit(over(broker, 'one'))
  await world.runtime.advance(10_000)
  expect(warned(after)).toBe(false)
  const places = await after.store.find('inbox', { prefix: 'audit/' })
  expect(places.map(({ body }) => JSON.parse(body) as unknown)).toEqual(
    places.map(() => expect.objectContaining({ log: 'one', duplicates: 0 }) as unknown),
  )
  expect(places.length).toBeGreaterThan(0)
})

test('a log without a name that ends before the place of the group was made anew', async () => {
  const [one, two] = [memoryStore({ partitions: 4 }), memoryStore({ partitions: 4 })]
  await fill(one, 'shop', 0, 40)
  const before = await audit(over(one))
  await world.until('all have come', async () => (await numbersOf(before)).length === 40)
  await world.runtime.advance(10_000)
  before.crash()
  await fill(two, 'store', 40, 45)
  const after = await audit(over(two))
  await world.until('it has begun anew', async () => (await numbersOf(after)).length === 45)
  expect(await numbersOf(after)).toEqual(counted(45))
})
