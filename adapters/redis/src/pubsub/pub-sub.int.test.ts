import { eventually } from '@tidings/conformance'
import { toStructured } from 'tidings'
import type { Consumer, Delivery, Log, Sink, Transport } from 'tidings/spi'
import { afterEach, describe, expect, it } from 'vitest'

import { atEnd, cleanUp, freshPrefix, hostOf, needsRedis, record, url, withClient } from '../../tests/redis-world.ts'
import { type RedisPubSubOptions, redisPubSub } from '../index.ts'

afterEach(cleanUp)

const soon = { deadline: 20_000 }
const pubSubUrl = `redis-pubsub${(url ?? 'redis:').slice('redis'.length)}`

async function connect(options: RedisPubSubOptions, log?: Log): Promise<Transport> {
  const transport = await redisPubSub(pubSubUrl, options).open(hostOf(undefined, log))
  atEnd(() => transport.close())
  return transport
}

async function hear(
  transport: Transport,
  topics?: readonly string[],
): Promise<{ heard: Delivery[]; consumer: Consumer }> {
  const heard: Delivery[] = []
  const sink: Sink = {
    assigned: async () => [],
    revoked: async () => {},
    lost: () => {},
    scanned: () => {},
    ended: () => {},
    deliver: (deliveries) => void heard.push(...deliveries),
  }
  const consumer = await transport.subscribe({ group: 'g', ...(topics && { topics }) }, sink)
  return { heard, consumer }
}

describe('Redis Pub/Sub', needsRedis, () => {
  it('says at the start that it delivers at most once', async () => {
    const said: string[] = []
    await connect({ channelPrefix: freshPrefix() }, (level, message) => void said.push(`${level}: ${message}`))
    expect(said).toEqual(['warn: Redis Pub/Sub delivers at most once: what nobody hears at that moment is lost.'])
  })

  it('puts CloudEvents as JSON on a channel for each category, where anybody can hear them', async () => {
    const channelPrefix = `${freshPrefix()}.`
    const transport = await connect({ channelPrefix })
    await withClient(async (client) => {
      const listener = client.duplicate()
      await listener.connect()
      const heard: string[] = []
      await listener.subscribe(`${channelPrefix}order`, (message) => void heard.push(message))
      const one = record({ category: 'order' })
      await transport.publish([record({ category: 'customer' }), one])
      await eventually(() => heard.length > 0, soon)
      listener.destroy()
      expect(JSON.parse(heard[0] as string)).toMatchObject({ specversion: '1.0', id: one.id, data: { total: 1 } })
    })
  })

  it('reads what others publish: CloudEvents of any encoder, and bytes that nobody can read', async () => {
    const channelPrefix = `${freshPrefix()}.`
    const transport = await connect({ channelPrefix })
    const { heard, consumer } = await hear(transport)
    consumer.request(10)
    const foreign = {
      data: { b: 1 },
      specversion: '1.0',
      id: 'f-1',
      source: '/elsewhere',
      type: 'order.placed',
      time: '2026-01-01T00:00:00+01:00',
    }
    const changed = toStructured(record()).replace('"total":1', '"total":2')
    await withClient(async (client) => {
      await client.publish(`${channelPrefix}order`, JSON.stringify(foreign))
      await client.publish(`${channelPrefix}order`, changed)
      await client.publish(`${channelPrefix}order`, '{"specversion":"1.0","id":"x"')
      await client.sendCommand(['PUBLISH', `${channelPrefix}order`, Buffer.from([0xff, 0xfe, 0x00])])
    })
    await eventually(() => heard.length === 4, soon)
    expect(heard[0]?.record).toMatchObject({ id: 'f-1', data: '{"b":1}', time: Date.parse('2025-12-31T23:00:00Z') })
    // Changed on its way: the checksum it came with tells.
    expect(heard[1]?.record).toMatchObject({ data: '{"total":2}' })
    expect(heard[2]).toMatchObject({
      record: undefined,
      raw: new Uint8Array(Buffer.from('{"specversion":"1.0","id":"x"')),
    })
    expect(heard[3]).toMatchObject({ record: undefined, raw: Uint8Array.of(0xff, 0xfe, 0x00) })
  })

  it('takes prefixes and categories as they are written, also where Redis reads patterns in them', async () => {
    const channelPrefix = `${freshPrefix()}[a]*?\\.`
    const transport = await connect({ channelPrefix })
    const [all, odd] = [await hear(transport), await hear(transport, ['o*', 'p?'])]
    for (const { consumer } of [all, odd]) consumer.request(100)
    const events = ['o*', 'order', 'p?', 'pq', '[a]', '\\'].map((category) => record({ category }))
    await transport.publish(events)
    await eventually(() => all.heard.length === events.length, soon)
    expect(odd.heard.map((delivery) => delivery.record?.category)).toEqual(['o*', 'p?'])
    expect(all.heard.map((delivery) => delivery.record?.id)).toEqual(events.map(({ id }) => id))
  })

  it('keeps what a slow consumer has room for; the rest is lost to it alone, and that is said', async () => {
    const said: unknown[] = []
    const transport = await connect({ channelPrefix: `${freshPrefix()}.`, buffer: 5 }, (level, message, fields) =>
      said.push([level, message, fields?.['dropped']]),
    )
    const [slow, quick] = [await hear(transport), await hear(transport)]
    quick.consumer.request(100)
    const events = Array.from({ length: 12 }, () => record())
    for (const one of events) await transport.publish([one])
    await eventually(() => quick.heard.length === 12, soon)
    slow.consumer.request(100)
    await eventually(() => slow.heard.length === 5, soon)
    expect(slow.heard.map((delivery) => delivery.record?.id)).toEqual(events.slice(0, 5).map(({ id }) => id))
    const lost = 'A consumer of Redis Pub/Sub is too slow: events are lost to it.'
    expect(said.slice(1)).toEqual([1, 2, 4].map((dropped) => ['warn', lost, dropped]))
  })

  it('listens to no more than somebody wants', async () => {
    const channelPrefix = `${freshPrefix()}.`
    const transport = await connect({ channelPrefix })
    const patterns = (): Promise<number> => withClient((client) => client.pubSubNumPat())
    const others = await patterns()
    const [orders, all] = [await hear(transport, ['order']), await hear(transport)]
    await eventually(async () => expect(await patterns()).toBeLessThanOrEqual(others + 1), soon)
    await all.consumer.close()
    orders.consumer.request(10)
    await eventually(async () => {
      await transport.publish([record()])
      expect(orders.heard.length).toBeGreaterThan(0)
    }, soon)
  })
})
