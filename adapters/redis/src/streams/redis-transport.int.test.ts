import { eventually } from '@tidings/conformance'
import { createEventBus, defineEvent, memoryStore } from 'tidings'
import type { Consumer, Delivery, Sink, Transport } from 'tidings/spi'
import { afterEach, describe, expect, it } from 'vitest'

import {
  atEnd,
  cleanUp,
  freshPrefix,
  hostOf,
  needsRedis,
  record,
  removeKeys,
  url,
  withClient,
} from '../../tests/redis-world.ts'
import { type RedisTransportOptions, redisTransport } from '../index.ts'

afterEach(cleanUp)

const soon = { deadline: 20_000 }

async function connect(options: RedisTransportOptions): Promise<Transport> {
  const transport = await redisTransport(url as string, { poll: 20, ...options }).open(hostOf())
  atEnd(() => transport.close())
  return transport
}

interface Hearing {
  readonly heard: Delivery[]
  readonly consumer: Consumer
}

/** Hears everything from where it stands, and says that it is done where `done` allows it. */
async function hear(transport: Transport, group: string, done: () => boolean = () => true): Promise<Hearing> {
  const heard: Delivery[] = []
  const hearing: { consumer?: Consumer } = {}
  const sink: Sink = {
    assigned: async (partitions) => partitions.map(() => -1),
    revoked: async () => {},
    lost: () => {},
    scanned: () => {},
    ended: () => {},
    deliver(deliveries) {
      heard.push(...deliveries)
      if (done()) for (const { partition, offset } of deliveries) hearing.consumer?.done(partition, offset)
      hearing.consumer?.request(deliveries.length)
    },
  }
  hearing.consumer = await transport.subscribe({ group }, sink)
  hearing.consumer.request(1_000)
  return { heard, consumer: hearing.consumer }
}

const length = (prefix: string): Promise<number> => withClient((client) => client.xLen(`{${prefix}}log`))

describe('the broker on Redis Streams', needsRedis, () => {
  it('lets go what every group has passed, with all that led to it, and nothing that one of them has not', async () => {
    const prefix = freshPrefix()
    const transport = await connect({ prefix, keep: { passed: 0, age: Number.MAX_SAFE_INTEGER, every: 50 } })
    let working = false
    const quick = await hear(transport, 'quick')
    const slow = await hear(transport, 'slow', () => working)
    const events = Array.from({ length: 50 }, (_, at) => record({ key: `k-${at}` }))
    await transport.publish(events)
    await eventually(() => quick.heard.length === 50 && slow.heard.length === 50, soon)
    // The slow one holds everything, although it is known how far the quick one is in each of its eight partitions.
    await eventually(async () => {
      const [passed] = await withClient((client) => client.hVals(`{${prefix}}doc:progress`).then((all) => [all.length]))
      expect(passed).toBeGreaterThanOrEqual(10)
    }, soon)
    expect(await length(prefix)).toBe(50)
    working = true
    for (const { partition, offset } of slow.heard) slow.consumer.done(partition, offset)
    await eventually(async () => expect(await length(prefix)).toBe(0), soon)
    const keys = await withClient((client) => client.keys(`{${prefix}}*`))
    expect(keys).not.toContain(`{${prefix}}ids`)
    expect(keys).not.toContain(`{${prefix}}streams`)
  })

  it('lets the oldest go where there are too many, whoever has not heard them', async () => {
    const prefix = freshPrefix()
    const transport = await connect({ prefix, keep: { events: 20, age: Number.MAX_SAFE_INTEGER, every: 50 } })
    for (let at = 0; at < 3; at++) await transport.publish(Array.from({ length: 50 }, () => record()))
    await eventually(async () => expect(await length(prefix)).toBe(20), soon)
    const late = await hear(transport, 'late')
    await eventually(() => late.heard.length === 20, soon)
  })

  it('counts age from when an event came; only what does not say when goes by its own time', async () => {
    const prefix = freshPrefix()
    const transport = await connect({ prefix, keep: { age: 3_600_000, passed: 0, every: 50 } })
    const aged = record({ time: Date.now() - 30 * 86_400_000 })
    await transport.publish([aged])
    // As it was written before entries said when they came.
    await withClient(async (client) => {
      const [entry] = (await client.xRange(`{${prefix}}log`, '1', '1')) ?? []
      const { at = '', event = '' } = entry?.message ?? {}
      await client.xAdd(`{${prefix}}log`, '2-0', { at, event })
      await client.hSet(`{${prefix}}meta`, 'position', '2')
    })
    await eventually(async () => expect(await length(prefix)).toBe(1), soon)
    const late = await hear(transport, 'late')
    await eventually(
      () => late.heard.map(({ offset, record: one }) => [offset, one?.id]).join() === `1,${aged.id}`,
      soon,
    )
  })

  it('lets go what came too long ago, however young it says it is', async () => {
    const prefix = freshPrefix()
    const transport = await connect({ prefix, keep: { age: 100, every: 50 } })
    await transport.publish([record({ time: Date.now() + 86_400_000 })])
    await eventually(async () => expect(await length(prefix)).toBe(0), soon)
  })

  it('joins services that have stores of their own, each event handled once by each of them', async () => {
    const prefix = freshPrefix()
    const UserCreated = defineEvent<{ name: string }>('user.created')
    const greeted: string[] = []
    const audited: string[] = []
    const service = (source: string) =>
      createEventBus({ store: memoryStore(), source, transport: redisTransport(url as string, { prefix, poll: 20 }) })
    const [auth, mail, audit] = [await service('/auth'), await service('/mail'), await service('/audit')]
    atEnd(() => Promise.all([auth.close(), mail.close(), audit.close()]))
    mail.subscribe(UserCreated, { name: 'greet' }, ({ data }) => void greeted.push(data.name))
    audit.subscribe(UserCreated, { name: 'audit', from: 'beginning' }, ({ data }) => void audited.push(data.name))
    await Promise.all([auth.start(), mail.start(), audit.start()])
    const names = Array.from({ length: 40 }, (_, at) => `n-${at}`)
    for (const name of names) await auth.publish(UserCreated, { name })
    await eventually(() => {
      expect(greeted.toSorted()).toEqual(names.toSorted())
      expect(audited.toSorted()).toEqual(names.toSorted())
    }, soon)
  })

  it('is wiped while services listen: what is published afterwards is heard, though its offsets were others before', async () => {
    const prefix = freshPrefix()
    const Counted = defineEvent<{ n: number }>('order.counted')
    const heard: number[] = []
    const service = (source: string) =>
      createEventBus({
        store: memoryStore(),
        source,
        inbox: { from: 'beginning' },
        transport: redisTransport(url as string, { prefix, poll: 20, lease: 1_000 }),
      })
    const [shop, audit] = [await service('/shop'), await service('/audit')]
    atEnd(() => Promise.all([shop.close(), audit.close()]))
    audit.subscribe(Counted, { name: 'count' }, ({ data }) => void heard.push(data.n))
    await Promise.all([shop.start(), audit.start()])
    const publish = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n++) await shop.publish(Counted, { n })
      const all = Array.from({ length: to }, (_, n) => n)
      await eventually(() => expect(heard.toSorted((a, b) => a - b)).toEqual(all), soon)
    }
    await publish(0, 30)
    const born = (): Promise<string | null> => withClient((client) => client.hGet(`{${prefix}}meta`, 'born'))
    const before = await born()
    await removeKeys(`{${prefix}}*`)
    // Fewer than before, then more.
    await publish(30, 40)
    await publish(40, 100)
    expect(await born()).not.toBe(before)
  })

  it('names its log, and another one when it was wiped', async () => {
    const prefix = freshPrefix()
    const transport = await connect({ prefix, lease: 1_000 })
    await hear(transport, 'one')
    const { log } = transport.capabilities
    expect(log).toMatch(/./)
    expect((await connect({ prefix })).capabilities.log).toBe(log)
    await removeKeys(`{${prefix}}*`)
    await eventually(() => expect(transport.capabilities.log).not.toBe(log), soon)
    const again = await hear(transport, 'one')
    const one = record()
    expect(await transport.publish([one])).toEqual([{ status: 'stored' }])
    await eventually(() => expect(again.heard.map(({ record: known }) => known?.id)).toEqual([one.id]), soon)
  })
})
