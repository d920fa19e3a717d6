import { randomBytes } from 'node:crypto'

import { createEventBus, defineEvent, type EventBus } from 'tidings'
import { afterEach, describe, expect, test } from 'vitest'

import { serverUrl, without } from '../../tools/servers/index.ts'

const Counted = defineEvent('order.counted', { key: (data: { order: string; n: number }) => data.order })

const kafka = await serverUrl('kafka')
const nats = await serverUrl('nats')
const rabbitmq = await serverUrl('rabbitmq')
const redis = await serverUrl('redis')

interface Broker {
  readonly name: string
  readonly server: Parameters<typeof without>[0]
  readonly url: (prefix: string) => string
}

const brokers: readonly Broker[] = [
  { name: 'Kafka', server: 'kafka', url: (prefix) => `kafka://${kafka}/?prefix=${prefix}&partitions=4&replication=1` },
  { name: 'NATS', server: 'nats', url: (prefix) => `${nats}?prefix=${prefix.replaceAll('.', '')}` },
  { name: 'RabbitMQ', server: 'rabbitmq', url: (prefix) => `${rabbitmq}?prefix=${prefix}&partitions=4` },
  { name: 'Redis Streams', server: 'redis', url: (prefix) => `${redis}?prefix=${prefix}` },
]

const open: EventBus[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((bus) => bus.close({ deadline: 10_000 })))
})

async function service(transportUrl: string, source = '/shop'): Promise<EventBus> {
  const bus = await createEventBus({ store: 'none', transportUrl, source })
  open.push(bus)
  return bus
}

/** Events of several orders, counted on from `from`. */
const counted = (from: number, rounds: number) =>
  Array.from({ length: rounds * 10 }, (_, at) =>
    Counted.create({ order: `o-${at % 10}`, n: from + Math.floor(at / 10) }),
  )

describe.each(brokers)('a bus without a store over $name', ({ server, url }) => {
  describe('with a real server', without(server), () => {
    test('goes on where it was told to stop, also after another instance of it, and keeps the order of streams', async () => {
      const at = url(`direct-${randomBytes(4).toString('hex')}.`)
      const heard: { readonly by: string; readonly order: string; readonly n: number }[] = []
      const reader = async (by: string): Promise<EventBus> => {
        const bus = await service(at, '/billing')
        bus.subscribe(Counted, { name: 'bills', from: 'beginning' }, ({ data }) => void heard.push({ by, ...data }))
        await bus.start()
        return bus
      }
      const shop = await service(at)
      const first = await reader('first')
      await shop.publish(counted(0, 3))
      await expect.poll(() => heard.length, { timeout: 30_000 }).toBe(30)
      await first.close()
      await shop.publish(counted(3, 2))
      const second = await reader('second')
      await expect.poll(() => heard.length, { timeout: 30_000 }).toBe(50)
      const third = await reader('third')
      await shop.publish(counted(5, 2))
      await expect.poll(() => heard.length, { timeout: 30_000 }).toBe(70)
      await second.close()
      await shop.publish(counted(7, 1))
      await expect.poll(() => heard.length, { timeout: 30_000 }).toBe(80)
      await third.close()
      // Nothing came twice: each stream was heard in order, whoever heard it.
      const inOrder = Array.from({ length: 8 }, (_, n) => n)
      for (let order = 0; order < 10; order++)
        expect(heard.filter((one) => one.order === `o-${order}`).map(({ n }) => n)).toEqual(inOrder)
    })
  })
})
