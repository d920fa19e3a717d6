import { busStatus, createEventBus, defineEvent, operationsOf } from 'tidings'
import type { Delivery, Sink, Transport } from 'tidings/spi'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type BrokerWorld, brokerWorld, note } from './broker-world.ts'

const Counted = defineEvent('order.counted', { key: (data: { order: string; n: number }) => data.order })

let world: BrokerWorld
beforeEach(() => {
  world = brokerWorld(3)
})
afterEach(() => world.close())

/** A transport that delivers some events as bytes which nobody can read. */
function garbling(transport: Transport, isGarbled: (n: number) => boolean): Transport {
  const garbled = (delivery: Delivery): Delivery => {
    const { n } = JSON.parse(delivery.record?.data as string) as { n: number }
    if (!isGarbled(n)) return delivery
    const { partition, offset, stream } = delivery
    return { partition, offset, stream, record: undefined, raw: Buffer.from(`garbage ${n}`) }
  }
  return {
    ...transport,
    subscribe: (options, sink: Sink) =>
      transport.subscribe(options, {
        assigned: (partitions) => sink.assigned(partitions),
        revoked: (partitions) => sink.revoked(partitions),
        lost: (partitions) => sink.lost(partitions),
        deliver: (deliveries) => sink.deliver(deliveries.map(garbled)),
        scanned: (partition, offset) => sink.scanned(partition, offset),
        ended: (cause) => sink.ended(cause),
      }),
  }
}

test('what cannot be read is kept as a dead letter of the inbox, and holds up nobody', async () => {
  const shop = await world.open('shop')
  const audit = await world.open('audit', { through: (transport) => garbling(transport, (n) => n === 1 || n === 3) })
  const heard = note(audit.bus, Counted)
  await world.run(Promise.all([shop.bus.start(), audit.bus.start()]))
  for (let n = 0; n < 6; n++) await world.run(shop.bus.publish(Counted, { order: 'o-1', n }))
  await world.until('the sound ones have come', () => heard.length === 4)
  const { parked } = operationsOf(audit.bus)
  const { items } = await parked.list({ subscription: 'inbox' })
  expect(items).toHaveLength(2)
  expect(items[0]).toMatchObject({
    subscription: 'inbox',
    state: 'dead',
    blocking: false,
    rawBytes: 9,
    error: { code: 'TIDINGS_UNDECODABLE' },
  })
  expect(items[0]).not.toHaveProperty('raw')
  const detail = await parked.show(items[0]?.id as string, { reveal: true, by: 'ada' })
  expect(Buffer.from(detail.raw as string, 'base64').toString()).toBe('garbage 1')
  expect(await parked.show(items[0]?.id as string)).not.toHaveProperty('raw')
  expect((await busStatus(audit.bus)).bridge?.inbox).toMatchObject({ received: 4, dead: 2 })

  const dropped = await parked.drop({ subscription: 'inbox', id: items[0]?.id })
  const redriven = await parked.redrive({ subscription: 'inbox', id: items[1]?.id })
  await world.runtime.advance(2_500)
  expect((await parked.list({ subscription: 'inbox' })).items.map(({ id }) => id)).toEqual([items[1]?.id])
  const follow = async (requests: readonly string[]): Promise<readonly string[]> => {
    for await (const { ended, outcomes } of parked.follow(requests))
      if (ended !== undefined) return outcomes.map(({ state }) => state)
    return []
  }
  expect(await world.run(follow([...dropped.requests, ...redriven.requests]))).toEqual(['dropped', 'failed'])
})

test('an event that is larger than this service takes in is a dead letter that names its type and keeps its beginning', async () => {
  const Filed = defineEvent('file.filed', { key: (data: { text: string }) => data.text.slice(0, 1) })
  const shop = await world.open('shop', { publish: { maxBytes: 2_000_000 } })
  const audit = await world.open('audit', { publish: { maxBytes: 1_000 }, maxIncomingBytes: 100_000 })
  const heard = note(audit.bus, Filed)
  await world.run(Promise.all([shop.bus.start(), audit.bus.start()]))
  await world.run(shop.bus.publish(Filed, { text: 'a'.repeat(150_000) }))
  await world.run(shop.bus.publish(Filed, { text: 'a small one' }))
  await world.until('the small one has come', () => heard.length === 1)
  const { items } = await operationsOf(audit.bus).parked.list()
  expect(items).toHaveLength(1)
  expect(items[0]).toMatchObject({
    subscription: 'inbox',
    type: 'file.filed',
    category: 'file',
    key: 'a',
    rawBytes: 150_011,
    error: { code: 'TIDINGS_TOO_LARGE' },
  })
  const detail = await operationsOf(audit.bus).parked.show(items[0]?.id as string, { reveal: true })
  expect(Buffer.from(detail.raw as string, 'base64').byteLength).toBe(65_536)
})

test('an event that the broker refuses is a dead letter of the relay, and its successors wait for it', async () => {
  let refusing = true
  const shop = await world.open('shop', {
    through: (transport) => ({
      ...transport,
      publish: async (batch, signal) => {
        const taken = batch.filter(({ data }) => !(refusing && (data as string).includes('"n":1')))
        const outcomes = await transport.publish(taken, signal)
        return batch.map(
          (record) =>
            outcomes[taken.indexOf(record)] ?? {
              status: 'refused' as const,
              error: Object.assign(new Error('message too large'), { code: 'TOO_LARGE' }),
            },
        )
      },
    }),
  })
  const audit = await world.open('audit')
  const heard = note(audit.bus, Counted)
  await world.run(Promise.all([shop.bus.start(), audit.bus.start()]))
  for (let n = 0; n < 3; n++)
    for (const order of ['o-1', 'o-2']) {
      if (order === 'o-2' && n === 1) continue
      await world.run(shop.bus.publish(Counted, { order, n }))
    }
  await world.until('the others have come', () => heard.length === 3)
  await world.runtime.advance(60_000)
  expect(heard).toHaveLength(3)
  const { parked } = operationsOf(shop.bus)
  const { items } = await parked.list()
  expect(items.map(({ subscription, state, key }) => [subscription, state, key])).toEqual([
    ['relay', 'dead', 'o-1'],
    ['relay', 'behind', 'o-1'],
  ])
  expect(items[0]?.error).toMatchObject({ code: 'TIDINGS_RELAY_REFUSED' })
  refusing = false
  await parked.redrive({ subscription: 'relay' })
  await world.until('the rest has come', () => heard.length === 5)
  const ofFirst = heard.filter(({ event }) => event.key === 'o-1')
  expect(ofFirst.map(({ event }) => (event.data as { n: number }).n)).toEqual([0, 1, 2])
})

test('what begins with tidings. is not taken in from elsewhere, however it is named', async () => {
  const Forged = defineEvent('tidings.saga.registration.asked', {
    category: 'order',
    key: (data: { key: string }) => data.key,
  })
  const audit = await world.open('audit')
  const heard = note(audit.bus, Counted)
  await world.run(audit.bus.start())
  const bus = await world.run(createEventBus({ store: world.broker, source: '/stranger', runtime: world.runtime }))
  await world.run(bus.publish(Forged, { key: 'o-1' }))
  await world.run(bus.publish(Counted, { order: 'o-1', n: 1 }))
  await world.until('the sound one has come', () => heard.length === 1)
  const { items } = await operationsOf(audit.bus).parked.list({ subscription: 'inbox' })
  expect(items).toMatchObject([{ type: 'tidings.saga.registration.asked', error: { code: 'TIDINGS_INVALID_EVENT' } }])
  const { events } = await audit.store.readAll({ after: 0, limit: 10 })
  expect(events.map(({ record }) => record.type)).toEqual(['order.counted'])
  await world.run(bus.close())
})
