import { eventually } from '@tidings/conformance'
import type { Log, Meter } from 'tidings/spi'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { canStartOwn, type OwnServer, startOwn, without } from '../../../tools/servers/index.ts'
import { event } from '../tests/events.ts'
import { listen } from '../tests/listener.ts'
import { type Management, managementAt } from '../tests/management.ts'
import { host, type RabbitmqWorld, rabbitmqWorld } from '../tests/rabbitmq-world.ts'
import { groupNamesOf } from './topology/names.ts'

const can = await canStartOwn('rabbitmq')
const soon = { deadline: 15_000 }

describe('a RabbitMQ that is looked into', can ? {} : without('rabbitmq'), () => {
  let server: OwnServer
  let management: Management
  let world: RabbitmqWorld
  beforeAll(async () => {
    server = await startOwn('rabbitmq', { plugins: 'rabbitmq_management', max_message_size: 20_000 })
    management = managementAt(server.ports['management'] as number)
  })
  afterAll(() => server.stop())
  beforeEach(() => {
    world = rabbitmqWorld(server.url, 1)
  })
  afterEach(() => world.end())

  it('shows headers and readable data in its own tools', async () => {
    const transport = await world.open()
    // RabbitMQ lets nobody look into a queue that has a single active consumer.
    const channel = await world.client().acquire()
    const queue = `${world.prefix}look`
    await channel.queueDeclare({ queue, durable: true })
    await channel.queueBind({ queue, exchange: `${world.prefix}events`, routingKey: '*.order' })
    const record = event({ data: '{"orderId":"o-1","note":"é"}', tenant: 'acme' })
    await transport.publish([record])
    const [shown, ...more] = await management.look(queue, 5)
    await channel.queueDelete({ queue })
    expect(more).toEqual([])
    expect(shown).toMatchObject({
      payload: record.data,
      exchange: `${world.prefix}events`,
      routing_key: '0.order',
      properties: {
        content_type: 'application/json',
        delivery_mode: 2,
        message_id: record.id,
        type: 'order.placed',
        headers: { cloudEvents_id: record.id, cloudEvents_type: 'order.placed', cloudEvents_tenantid: 'acme' },
      },
    })
  })

  it('is told of no topic that nobody wants any more', async () => {
    const transport = await world.open()
    const { topics } = groupNamesOf(world.prefix, 'group', 1)
    for (const wanted of [['order', 'customer'], ['customer'], undefined, ['order']]) {
      const member = await listen(transport, wanted === undefined ? {} : { topics: wanted })
      const keys = wanted?.map((topic) => `*.${topic}`) ?? ['#']
      expect(await management.boundTo(topics)).toEqual(keys.toSorted())
      await member.consumer.close()
    }
    expect(await management.boundTo(topics)).toEqual(['*.order'])
  })

  it('refuses what is full: nothing counts as stored, nothing overtakes, nothing is lost', async () => {
    const transport = await world.open()
    await (await listen(transport)).consumer.close()
    await management.setPolicy('full', `^${world.prefix}group\\.0$`, { 'max-length': 5 })
    const written = Array.from({ length: 60 }, (_, at) => event({ data: `{"at":${at}}` }))
    let stored = 0
    await eventually(async () => {
      const outcomes = await transport.publish(written.slice(stored))
      const failed = outcomes.findIndex(({ status }) => status !== 'stored')
      expect(outcomes.slice(Math.max(0, failed)).every(({ status }) => status === 'unknown')).toBe(failed !== -1)
      stored += failed === -1 ? outcomes.length : failed
      expect(failed).not.toBe(-1)
    }, soon)
    expect(stored).toBeLessThan(written.length)
    const member = await listen(transport)
    await eventually(async () => {
      const outcomes = await transport.publish(written.slice(stored))
      const failed = outcomes.findIndex(({ status }) => status !== 'stored')
      stored += failed === -1 ? outcomes.length : failed
      expect(stored).toBe(written.length)
    }, soon)
    const first = (): string[] => [...new Set(member.deliveries.map(({ record }) => record?.id ?? ''))]
    await eventually(() => first().length === written.length, soon)
    expect(first()).toEqual(written.map(({ id }) => id))
  })

  it('keeps what a policy removes with the dead, and the next member is told', async () => {
    const logged: string[] = []
    const log: Log = (_level, message, fields) => void logged.push(`${message} ${JSON.stringify(fields)}`)
    const transport = await world.open({}, { ...host, log })
    await (await listen(transport)).consumer.close()
    await management.setPolicy('short', `^${world.prefix}group\\.0$`, { 'message-ttl': 1 })
    const record = event()
    await transport.publish([record])
    const { dead } = groupNamesOf(world.prefix, 'group', 1)
    await eventually(async () => {
      const [shown] = await management.look(dead, 1)
      expect(shown?.properties.headers).toMatchObject({ cloudEvents_id: record.id })
    }, soon)
    await listen(transport)
    expect(logged.filter((line) => line.includes(dead))).toHaveLength(1)
  })

  it('teaches its limit of size, which may be lower than ours', async () => {
    const transport = await world.open()
    const member = await listen(transport)
    const large = event({ key: 'large', data: JSON.stringify('x'.repeat(30_000)) })
    const small = event({ key: 'small' })
    expect(await transport.publish([large])).toMatchObject([{ status: 'unknown' }])
    const outcomes = await transport.publish([large, small])
    expect(outcomes).toMatchObject([
      { status: 'refused', error: { code: 'TIDINGS_TOO_LARGE', details: { limit: 20_000 } } },
      { status: 'stored' },
    ])
    await eventually(() => member.deliveries.some(({ record }) => record?.id === small.id), soon)
  })

  it('counts what nobody has asked for, and calls it stored', async () => {
    let unrouted = 0
    const meter: Meter = {
      ...host.meter,
      counter: (name) => ({ add: (by) => void (unrouted += name === 'tidings.transport.unrouted' ? by : 0) }),
    }
    const transport = await world.open({}, { ...host, meter })
    const stored = { status: 'stored' }
    expect(await transport.publish([event(), event({ key: 'b' })])).toEqual([stored, stored])
    await eventually(() => unrouted === 2, soon)
    await listen(transport, { topics: ['order'] })
    expect(await transport.publish([event(), event({ category: 'customer' })])).toEqual([stored, stored])
    await eventually(() => unrouted === 3, soon)
  })
})

describe('a RabbitMQ that is short of memory', can ? {} : without('rabbitmq'), () => {
  it('leaves what is published unknown, serves who listens, and keeps nobody from closing', async () => {
    await using server = await startOwn('rabbitmq', { 'vm_memory_high_watermark.absolute': '10MB' })
    const world = rabbitmqWorld(server.url)
    const logged: string[] = []
    const log: Log = (_level, message) => void logged.push(message)
    const transport = await world.open({ publishTimeout: 1_500 }, { ...host, log })
    const member = await listen(transport)
    await eventually(async () => {
      expect(await transport.publish([event(), event({ key: 'b' })])).toMatchObject([
        { status: 'unknown', error: { code: 'TIDINGS_BROKER_UNAVAILABLE' } },
        { status: 'unknown' },
      ])
    }, soon)
    await eventually(() => logged.some((line) => line.includes('takes no events')), soon)
    const late = await listen(transport, { group: 'late' })
    await late.consumer.close()
    const began = performance.now()
    await member.consumer.close()
    await transport.close()
    expect(performance.now() - began).toBeLessThan(3_000)
  })
})
