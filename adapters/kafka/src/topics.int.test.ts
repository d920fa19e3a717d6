import { eventually } from '@tidings/conformance'
import { isTidingsError, type Outcome } from 'tidings/spi'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { without } from '../../../tools/servers/index.ts'
import { eventOf } from '../tests/events.ts'
import { type KafkaWorld, kafkaWorld, quick } from '../tests/kafka-world.ts'
import { Listener } from '../tests/listener.ts'

const patience = { deadline: 10_000 }

describe('topics', without('kafka'), () => {
  let world: KafkaWorld
  beforeEach(async () => {
    world = await kafkaWorld()
  })
  afterEach(() => world.end())

  const codeOf = (outcome: Outcome | undefined): string =>
    outcome === undefined || outcome.status === 'stored'
      ? 'stored'
      : `${outcome.status} ${isTidingsError(outcome.error) ? outcome.error.code : outcome.error.message}`

  it('are made when they are first published to, as the options say', async () => {
    const transport = await world.connect({ partitions: 3 })
    const [outcome] = await transport.publish([eventOf({ category: 'fresh' })])
    expect(codeOf(outcome)).toBe('stored')
    const { topics } = await world.cluster.metadata([`${world.settings.prefix}fresh`])
    expect(topics.get(`${world.settings.prefix}fresh`)?.partitions).toHaveLength(3)
  })

  it('are asked for where we may not make them: the error says what to make', async () => {
    const transport = await world.connect({ createTopics: false })
    const [outcome] = await transport.publish([eventOf({ category: 'absent' })])
    expect(codeOf(outcome)).toBe('unknown TIDINGS_NOT_FOUND')
    expect((outcome as { error: Error }).error.message).toContain(`${world.settings.prefix}absent`)
    await expect(transport.subscribe({ group: 'g', topics: ['absent'] }, new Listener())).rejects.toMatchObject({
      code: 'TIDINGS_NOT_FOUND',
    })
    await world.make(['absent'])
    expect(codeOf((await transport.publish([eventOf({ category: 'absent' })]))[0])).toBe('stored')
  })

  it('that the broker refuses to make are told with its words', async () => {
    const transport = await world.connect({ replication: 3 })
    const [outcome] = await transport.publish([eventOf({ category: 'copies' })])
    expect(codeOf(outcome)).toBe('unknown TIDINGS_NOT_SUPPORTED')
    expect((outcome as { error: Error }).error.message).toContain('INVALID_REPLICATION_FACTOR')
  })

  it('that are compacted are not published to: they would keep the last event of each stream only', async () => {
    await world.make(['state'], 1, { 'cleanup.policy': 'compact' })
    const transport = await world.connect()
    const [bad, good] = await transport.publish([eventOf({ category: 'state' }), eventOf()])
    expect(codeOf(bad)).toBe('unknown TIDINGS_NOT_SUPPORTED')
    expect((bad as { error: Error }).error.message).toContain('cleanup.policy')
    expect(codeOf(good)).toBe('stored')
  })

  it('have limits of their own, which are read', async () => {
    await world.make(['small'], 1, { 'max.message.bytes': '2000' })
    const transport = await world.connect()
    const sized = (bytes: number) => eventOf({ category: 'small', data: JSON.stringify('x'.repeat(bytes)) })
    const outcomes = await transport.publish([sized(500), sized(2_000), sized(900), sized(900)])
    expect(outcomes.map(codeOf)).toEqual(['stored', 'refused TIDINGS_TOO_LARGE', 'stored', 'stored'])
    expect(transport.capabilities.maxBytes).toBeGreaterThan(1_000_000)
  })

  it('whose limit was lowered after it was read take in halves what is too large together', async () => {
    await world.make(['shrinks'], 1)
    const transport = await world.connect()
    const sized = (bytes: number) => eventOf({ category: 'shrinks', data: JSON.stringify('x'.repeat(bytes)) })
    expect(codeOf((await transport.publish([sized(10)]))[0])).toBe('stored')
    const topic = `${world.settings.prefix}shrinks`
    const connection = await world.cluster.anyone()
    await world.client.incrementalAlterConfigsV1.api.async(
      connection,
      [
        {
          resourceType: 2,
          resourceName: topic,
          configs: [{ name: 'max.message.bytes', configOperation: 0, value: '3000' }],
        },
      ],
      false,
    )
    const listener = await new Listener().join(transport, { group: 'g', topics: ['shrinks'] })
    const events = [sized(800), sized(800), sized(5_000), sized(800), sized(800), sized(800)]
    await eventually(async () => {
      const probe = await transport.publish([sized(5_000)])
      expect(codeOf(probe[0])).toBe('refused TIDINGS_TOO_LARGE')
    }, patience)
    const outcomes = await transport.publish(events)
    expect(outcomes.map(codeOf)).toEqual([
      'stored',
      'stored',
      'refused TIDINGS_TOO_LARGE',
      'stored',
      'stored',
      'stored',
    ])
    const stored = events.filter((_, at) => at !== 2).map(({ id }) => id)
    await eventually(() => stored.every((id) => listener.ids.includes(id)), patience)
    expect(listener.ids.filter((id) => stored.includes(id))).toEqual(stored)
  })

  it('of names that Kafka does not know refuse their events alone', async () => {
    const transport = await world.connect()
    const outcomes = await transport.publish([eventOf({ category: 'größe' }), eventOf()])
    expect(outcomes.map(codeOf)).toEqual(['refused TIDINGS_INVALID_EVENT', 'stored'])
    await expect(transport.subscribe({ group: 'g', topics: ['größe'] }, new Listener())).rejects.toMatchObject({
      code: 'TIDINGS_INVALID_EVENT',
    })
  })

  it('that come later are heard by who hears all, from their beginning', async () => {
    const transport = await world.connect()
    const listener = await new Listener().join(transport, { group: 'g' })
    expect(listener.owned.size).toBe(0)
    const events = ['late', 'later'].map((category) => eventOf({ category }))
    for (const event of events) await (await world.connect()).publish([event])
    await eventually(() => listener.got.length === 2, patience)
    expect(listener.ids.toSorted()).toEqual(events.map(({ id }) => id).toSorted())
    await eventually(() => listener.owned.size === 2 * quick.partitions, patience)
    expect(listener.offences).toEqual([])
  })

  it('that are deleted are given back by who hears all', async () => {
    await world.make(['stays', 'goes'], 2)
    const listener = await new Listener().join(await world.connect(), { group: 'g' })
    await eventually(() => listener.owned.size === 4, patience)
    const connection = await world.cluster.anyone()
    await world.client.deleteTopicsV6.api.async(connection, [{ name: `${world.settings.prefix}goes` }], 5_000)
    await eventually(() => listener.owned.size === 2, patience)
    const event = eventOf({ category: 'stays' })
    await (await world.connect()).publish([event])
    await eventually(() => listener.ids.includes(event.id), patience)
    expect(listener.offences).toEqual([])
  })

  it('that get more partitions are heard in all of them', async () => {
    await world.make(['grows'], 1)
    const transport = await world.connect()
    const listener = await new Listener().join(transport, { group: 'g', topics: ['grows'] })
    const connection = await world.cluster.anyone()
    await world.cluster.metadata([])
    const [broker] = world.cluster.brokers.keys() as unknown as [number]
    await world.client.createPartitionsV3.api.async(
      connection,
      [
        {
          name: `${world.settings.prefix}grows`,
          count: 3,
          assignments: [{ brokerIds: [broker] }, { brokerIds: [broker] }],
        },
      ],
      5_000,
      false,
    )
    await eventually(() => listener.owned.size === 3, patience)
    const publisher = await world.connect()
    const events = Array.from({ length: 30 }, (_, at) => eventOf({ category: 'grows', key: `k-${at}` }))
    await publisher.publish(events)
    await eventually(() => listener.got.length === 30, patience)
    expect(new Set(listener.got.map(({ partition }) => partition)).size).toBe(3)
    expect(world.said.some(({ message }) => message.includes('more partitions'))).toBe(true)
  })
})
