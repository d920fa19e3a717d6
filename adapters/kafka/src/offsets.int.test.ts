import { eventually } from '@tidings/conformance'
import type { EventRecord } from 'tidings/spi'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { without } from '../../../tools/servers/index.ts'
import { eventOf } from '../tests/events.ts'
import { type KafkaWorld, kafkaWorld } from '../tests/kafka-world.ts'
import { Listener } from '../tests/listener.ts'
import { GroupMembership } from './consume/group-membership.ts'
import { Topics } from './topics/topics.ts'

const patience = { deadline: 10_000 }

describe('where reading begins', without('kafka'), () => {
  let world: KafkaWorld
  let topic: string
  beforeEach(async () => {
    world = await kafkaWorld()
    topic = `${world.settings.prefix}order`
    await world.make(['order'], 1)
  })
  afterEach(() => world.end())

  const publish = async (count: number): Promise<EventRecord[]> => {
    const events = Array.from({ length: count }, () => eventOf())
    const transport = await world.connect()
    for (const outcome of await transport.publish(events)) expect(outcome.status).toBe('stored')
    await transport.close()
    return events
  }

  /** What the broker has been told of the group `reader`. */
  const committed = async (): Promise<number | undefined> => {
    const group = new GroupMembership({
      cluster: world.cluster,
      topics: new Topics(world.cluster),
      group: `${world.settings.prefix}reader`,
      exclusive: false,
      store: undefined,
      hears: () => [],
      owned: () => [],
      assigned: () => {},
      lost: () => {},
      refused: () => {},
    })
    const found = await group.committed([`${topic}/0`])
    group.abandon()
    return found.get(`${topic}/0`)
  }

  it('what is done is told to the broker at intervals and at the end, and who knows nothing goes on from there', async () => {
    const first = await publish(5)
    const transport = await world.connect()
    const one = await new Listener(new Map(), false).join(transport, { group: 'reader', topics: ['order'] })
    await eventually(() => one.got.length === 5, patience)
    await eventually(async () => expect(await committed()).toBe(5), patience)
    const slow = await publish(3)
    await eventually(() => one.got.length === 8, patience)
    await one.consumer?.close()
    expect(await committed()).toBe(8)
    const more = await publish(2)
    const two = await new Listener(new Map(), false).join(transport, { group: 'reader', topics: ['order'] })
    await eventually(() => two.got.length === 2, patience)
    expect(two.ids).toEqual(more.map(({ id }) => id))
    // Where an answer is known, the broker's counts for nothing.
    const other = await new Listener().join(transport, { group: 'reader', topics: ['order'] }, 0)
    await two.consumer?.close()
    other.consumer?.request(20)
    await eventually(() => other.got.length === 10, patience)
    expect(other.ids).toEqual([...first, ...slow, ...more].map(({ id }) => id))
    expect([...one.offences, ...two.offences, ...other.offences]).toEqual([])
  })

  it('who begins at the end goes on from there when it comes back, also if nothing had happened yet', async () => {
    await publish(5)
    const transport = await world.connect()
    const options = { group: 'reader', topics: ['order'], start: 'end' } as const
    const one = await new Listener(new Map(), false).join(transport, options)
    await eventually(() => one.scans.get([...one.owned][0] as number) === 5, patience)
    await one.consumer?.close()
    const missed = await publish(2)
    const two = await new Listener(new Map(), false).join(transport, options)
    await eventually(() => two.got.length === 2, patience)
    expect(two.ids).toEqual(missed.map(({ id }) => id))
    expect(one.got).toEqual([])
  })

  it('goes on where the log begins when the broker has removed what was not read, and says so', async () => {
    const events = await publish(10)
    const transport = await world.connect()
    const one = await new Listener().join(transport, { group: 'reader', topics: ['order'] }, 3)
    await eventually(() => one.got.length >= 3, patience)
    await one.consumer?.close()
    const { places } = one
    for (const partition of places.keys()) places.set(partition, 3)
    const connection = await world.cluster.anyone()
    await world.client.deleteRecordsV2.api.async(
      connection,
      [{ name: topic, partitions: [{ partitionIndex: 0, offset: 6n }] }],
      5_000,
    )
    const two = await new Listener(places).join(transport, { group: 'reader', topics: ['order'] })
    await eventually(() => two.got.length === 4, patience)
    expect(two.ids).toEqual(events.slice(6).map(({ id }) => id))
    expect(world.said.filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({ fields: expect.objectContaining({ topic, from: 3, to: 6 }) as unknown }),
    ])
    // Whoever asks for the beginning gets it, wherever it is, and nobody is alarmed.
    const three = await new Listener().join(transport, { group: 'newcomer', topics: ['order'] })
    await eventually(() => three.got.length === 4, patience)
    expect(world.said.filter(({ level }) => level === 'error')).toHaveLength(1)
  })

  it('begins anew where the partition ends before the place that is known', async () => {
    const events = await publish(3)
    const transport = await world.connect()
    const probe = await new Listener().join(transport, { group: 'probe', topics: ['order'] })
    await eventually(() => probe.got.length === 3, patience)
    const [number] = probe.owned as unknown as Iterable<number>
    const one = await new Listener(new Map([[number as number, 1_000]])).join(transport, {
      group: 'reader',
      topics: ['order'],
    })
    await eventually(() => one.got.length === 3, patience)
    expect(one.ids).toEqual(events.map(({ id }) => id))
    expect(world.said.filter(({ level }) => level === 'error')).toHaveLength(1)
  })

  it('a topic that is deleted and made again has other partitions, and is read from its beginning', async () => {
    await publish(5)
    const transport = await world.connect()
    const one = await new Listener().join(transport, { group: 'reader', topics: ['order'] })
    await eventually(() => one.got.length === 5, patience)
    const [before] = one.owned
    const connection = await world.cluster.anyone()
    await world.client.deleteTopicsV6.api.async(connection, [{ name: topic }], 5_000)
    await eventually(async () => {
      const fresh = [...one.owned][0]
      expect(fresh).toBeDefined()
      expect(fresh).not.toBe(before)
    }, patience)
    const events = await publish(2)
    await eventually(() => one.got.length === 7, patience)
    expect(one.ids.slice(5)).toEqual(events.map(({ id }) => id))
    expect(one.offences).toEqual([])
  })
})
