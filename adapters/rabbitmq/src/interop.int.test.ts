import { eventually } from '@tidings/conformance'
import { type Channel, Connection, type Envelope } from 'rabbitmq-client'
import { streamText, type Transport } from 'tidings/spi'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { without } from '../../../tools/servers/index.ts'
import { deepHeaders, headersFrame } from '../tests/deep-headers.ts'
import { event } from '../tests/events.ts'
import { type Listener, listen } from '../tests/listener.ts'
import { type RabbitmqWorld, rabbitmqWorld } from '../tests/rabbitmq-world.ts'
import { socketOf } from './connection/client-insides.ts'
import { publishFrame } from './wire/content-frames.ts'

const soon = { deadline: 10_000 }

describe('messages of others', without('rabbitmq'), () => {
  let world: RabbitmqWorld
  let transport: Transport
  let listener: Listener
  let channel: Channel
  beforeEach(async () => {
    world = rabbitmqWorld()
    transport = await world.open()
    listener = await listen(transport)
    channel = await world.client().acquire()
    await channel.confirmSelect()
  })
  afterEach(() => world.end())

  const send = (envelope: Partial<Envelope>, body: unknown): Promise<void> =>
    channel.basicPublish(
      { exchange: `${world.prefix}events`, routingKey: '3.order', mandatory: true, ...envelope } as Envelope,
      body,
    )

  it.each(['cloudEvents_', 'cloudEvents:'])(
    'are read with attributes in headers that begin with %s',
    async (prefix) => {
      const attributes = {
        specversion: '1.0',
        id: 'e-1',
        source: '/shop',
        type: 'order.placed',
        subject: 'o-7',
        time: '2026-03-01T12:00:00Z',
        sequence: 5,
      }
      const headers = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [prefix + name, value]))
      await send({ headers, contentType: 'application/json' }, Buffer.from('{ "total": 1e2 }'))
      await eventually(() => listener.deliveries.length === 1, soon)
      expect(listener.deliveries[0]).toMatchObject({
        partition: 3,
        record: {
          id: 'e-1',
          source: '/shop',
          type: 'order.placed',
          key: 'o-7',
          data: '{"total":100}',
          time: 1_772_366_400_000,
        },
      })
    },
  )

  it('are read in structured mode', async () => {
    const json = {
      specversion: '1.0',
      id: 'e-2',
      source: '/shop',
      type: 'order.placed',
      subject: 'o-8',
      data: { total: 2 },
    }
    await send({ contentType: 'application/cloudevents+json' }, Buffer.from(JSON.stringify(json)))
    await eventually(() => listener.deliveries.length === 1, soon)
    expect(listener.deliveries[0]?.record).toMatchObject({ id: 'e-2', key: 'o-8', data: '{"total":2}' })
  })

  it('are handed over as they are where no event can be read from them, and hold up nothing', async () => {
    const bodies = [
      [{ contentType: 'application/json' }, Buffer.from('{"no":"event"}')],
      [{ contentType: 'application/cloudevents+json' }, Buffer.from('{"specversion":"1.0",')],
      [{ headers: { cloudEvents_id: 'x', cloudEvents_specversion: '0.3' } }, Buffer.from([0xff, 0, 0xfe])],
      [{ headers: { cloudEvents_id: { nested: true }, ['__proto__']: { polluted: true } } }, Buffer.alloc(0)],
    ] as const
    for (const [envelope, body] of bodies) await send(envelope, body)
    const good = event({ key: 'after' })
    await transport.publish([good])
    await eventually(() => listener.deliveries.length === 5, soon)
    const unread = listener.deliveries.filter(({ record }) => record === undefined)
    expect(unread.map(({ raw }) => Buffer.from(raw ?? []))).toEqual(bodies.map(([, body]) => body))
    expect(unread.map(({ stream }) => stream)).toEqual(
      bodies.map(() => streamText({ tenant: '', category: 'order', key: '' })),
    )
    expect(listener.deliveries.find(({ record }) => record !== undefined)?.record).toEqual(good)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  it('cannot end the connection of whoever hears them by headers that nest without end', async () => {
    // No client would write them: what they are is written by hand.
    const other = new Connection({ url: world.url, frameMax: 131_072 })
    const stranger = await other.acquire()
    const frame = (kind: number, carries: Buffer): Buffer => {
      const head = Buffer.alloc(7)
      head.writeUInt8(kind, 0)
      head.writeUInt16BE(stranger.id, 1)
      head.writeUInt32BE(carries.length, 3)
      return Buffer.concat([head, carries, Buffer.from([0xce])])
    }
    socketOf(stranger).write(publishFrame(stranger.id, `${world.prefix}events`, '3.order'), 'latin1')
    socketOf(stranger).write(frame(2, headersFrame(deepHeaders('list', 9_000))))
    socketOf(stranger).write(frame(3, Buffer.from('{}')))
    // The broker itself takes seconds to read so many.
    await eventually(() => listener.deliveries.length === 1, { deadline: 30_000 })
    const good = event({ key: 'after' })
    await transport.publish([good])
    await eventually(() => listener.deliveries.length === 2, soon)
    expect(listener.deliveries.map(({ record }) => record?.id)).toEqual([undefined, good.id])
    expect(Buffer.from(listener.deliveries[0]?.raw ?? []).toString()).toBe('{}')
    other.unsafeDestroy()
  })
})
