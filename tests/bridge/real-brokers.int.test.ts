import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { busStatus, createEventBus, defineEvent, type Event, type EventBus } from 'tidings'
import { afterEach, describe, expect, test } from 'vitest'

import { serverUrl, without } from '../../tools/servers/index.ts'

const UserRegistered = defineEvent('user.registered')
const ProfileCreated = defineEvent('profile.created')
const Counted = defineEvent('order.counted', { key: (data: { order: string; n: number }) => data.order })

/** A place of its own at the broker. */
const place = (): string => `bridge-${randomBytes(4).toString('hex')}.`

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
  {
    name: 'Redis Pub/Sub',
    server: 'redis',
    url: (prefix) => `${redis?.replace('redis:', 'redis-pubsub:')}?channelPrefix=${prefix}`,
  },
]

const open: EventBus[] = []
const files: string[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((bus) => bus.close({ deadline: 10_000 })))
  await Promise.all(files.splice(0).map((file) => rm(file, { recursive: true, force: true })))
})

async function service(
  source: string,
  transportUrl: string,
  store = randomBytes(6).toString('hex'),
): Promise<EventBus> {
  const file = join(tmpdir(), `tidings-${store}.db`)
  files.push(file, `${file}-wal`, `${file}-shm`)
  const bus = await createEventBus({ url: `sqlite:${file}`, transportUrl, source })
  open.push(bus)
  return bus
}

describe.each(brokers)('over $name', ({ server, url }) => {
  describe('with a real server', without(server), () => {
    test('a chain crosses and comes back, each event once', async () => {
      const at = url(place())
      const auth = await service('/auth', at)
      const users = await service('/users', at)
      const answered: Event<unknown>[] = []
      users.subscribe(UserRegistered, { name: 'profiles' }, async (event, { publish }) => {
        await publish(ProfileCreated, { id: (event.data as { id: string }).id })
      })
      auth.subscribe(ProfileCreated, { name: 'mark' }, (event) => void answered.push(event))
      await Promise.all([auth.start(), users.start()])
      await auth.publish(UserRegistered, { id: 'u-1' }, { correlationId: 'c-1' })
      await expect.poll(() => answered.length, { timeout: 30_000 }).toBe(1)
      expect(answered[0]?.context.correlationId).toBe('c-1')
      expect((await busStatus(auth)).bridge).toMatchObject({ relay: { parked: 0 }, inbox: { dead: 0 } })
    })

    test('who hears everything hears the first event of a topic that is new', async () => {
      const at = url(place())
      const audit = await service('/audit', at)
      const heard: string[] = []
      audit.subscribe('**', { name: 'notes' }, ({ type }) => void heard.push(type))
      await audit.start()
      const shop = await service('/shop', at)
      await shop.start()
      await shop.publish(UserRegistered, { id: 'u-1' })
      await expect.poll(() => heard, { timeout: 60_000 }).toEqual(['user.registered'])
      await shop.publish(ProfileCreated, { id: 'u-1' })
      await expect.poll(() => heard, { timeout: 60_000 }).toEqual(['user.registered', 'profile.created'])
    }, 180_000)

    test('who comes to hear everything begins with what comes from then on', async () => {
      const at = url(place())
      const shop = await service('/shop', at)
      await shop.start()
      await shop.publish(UserRegistered, { id: 'before' }, { settle: 'broker' })
      const audit = await service('/audit', at)
      audit.subscribe(Counted, { name: 'counts' }, () => {})
      await audit.start()
      const heard: unknown[] = []
      audit.subscribe('**', { name: 'notes' }, ({ data }) => void heard.push((data as { id: string }).id))
      await audit.start()
      await shop.publish(UserRegistered, { id: 'after' })
      await shop.publish(ProfileCreated, { id: 'new' })
      await expect.poll(() => new Set(heard), { timeout: 60_000 }).toEqual(new Set(['after', 'new']))
    }, 120_000)

    test('many streams keep their order', async () => {
      const at = url(place())
      const shop = await service('/shop', at)
      const audit = await service('/audit', at)
      const heard = new Map<string, number[]>()
      audit.subscribe(Counted, { name: 'notes' }, (event) => {
        const { order, n } = event.data
        heard.set(order, [...(heard.get(order) ?? []), n])
      })
      await Promise.all([shop.start(), audit.start()])
      const orders = Array.from({ length: 50 }, (_, at) => `o-${at}`)
      for (let n = 0; n < 20; n++) await shop.publish(orders.map((order) => Counted.create({ order, n })))
      await expect.poll(() => [...heard.values()].flat().length, { timeout: 60_000 }).toBe(1_000)
      const inOrder = Array.from({ length: 20 }, (_, n) => n)
      for (const order of orders) expect(heard.get(order)).toEqual(inOrder)
    })
  })
})
