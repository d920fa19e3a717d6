import { connect, headers, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { eventually } from '@tidings/conformance'
import { CloudEvent, HTTP } from 'cloudevents'
import { partitionOf, streamText } from 'tidings/spi'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { serverUrl, without } from '../../../tools/servers/index.ts'
import { eventOf } from '../tests/events.ts'
import { Listener } from '../tests/listener.ts'
import { freshPrefix, open, removeStreams, serverOf } from '../tests/nats-world.ts'
import type { OpenedNats } from './open-nats.ts'

const url = (await serverUrl('nats')) ?? ''
const patience = { deadline: 10_000 }

describe('among other clients', without('nats'), () => {
  let client: NatsConnection
  let prefix: string
  let opened: OpenedNats
  let listener: Listener
  beforeAll(async () => {
    client = await connect({ servers: [serverOf(url)] })
  })
  afterAll(() => client.close())
  beforeEach(async () => {
    prefix = freshPrefix()
    opened = await open(url, { prefix, partitions: 2 })
    listener = await new Listener().join(opened.transport)
    await eventually(() => listener.owned.size === 2, patience)
  })
  afterEach(async () => {
    await opened.transport.close()
    await removeStreams(url, prefix)
  })

  /** As a client that knows nothing of Tidings publishes: to a subject, with headers, waiting for the stream. */
  const publish = (subject: string, body: string | Uint8Array, given: Record<string, unknown> = {}): Promise<Msg> => {
    const block = headers()
    for (const [name, value] of Object.entries(given)) block.append(name, String(value))
    return client.request(`${prefix}.${subject}`, body, { headers: block, timeout: 5_000 })
  }
  const heard = async (count: number): Promise<void> => eventually(() => listener.got.length === count, patience)

  it('what a CloudEvents SDK writes as headers is read', async () => {
    const event = new CloudEvent({
      id: 'a-1',
      source: 'urn:elsewhere',
      type: 'com.example.order.placed',
      subject: 'o-7',
      time: '2026-01-01T00:00:00.000Z',
      datacontenttype: 'application/json',
      data: { total: 3 },
      region: 'eu',
    })
    const { headers: given, body } = HTTP.binary(event)
    const { 'content-type': contentType, ...attributes } = given as Record<string, string>
    await publish('order.1', String(body), { ...attributes, 'ce-datacontenttype': contentType })
    await heard(1)
    const [delivery] = listener.got
    expect(delivery?.partition).toBe(1)
    expect(delivery?.record).toMatchObject({
      id: 'a-1',
      source: 'urn:elsewhere',
      type: 'com.example.order.placed',
      key: 'o-7',
      time: Date.UTC(2026, 0, 1),
      data: '{"total":3}',
    })
    expect(JSON.parse(delivery?.record?.context ?? '')).toMatchObject({ extensions: { region: 'eu' } })
  })

  it('what a CloudEvents SDK writes as structured JSON is read', async () => {
    const event = new CloudEvent({ id: 'a-2', source: 'urn:elsewhere', type: 'order.placed', data: { total: 'é' } })
    const { headers: given, body } = HTTP.structured(event)
    await publish('order.0', String(body), given)
    await heard(1)
    expect(listener.got[0]?.record).toMatchObject({ id: 'a-2', data: '{"total":"é"}' })
  })

  it('what is written is read by a CloudEvents SDK, and its body by anybody', async () => {
    const event = eventOf({ key: 'ä-1', tenant: 'acme', data: '{"total":"é"}' })
    const subscription = client.subscribe(`${prefix}.order.*`, { max: 1 })
    await client.flush()
    expect(await opened.transport.publish([event])).toEqual([{ status: 'stored' }])
    for await (const message of subscription) {
      expect(message.subject).toBe(`${prefix}.order.${partitionOf(streamText(event), 2)}`)
      expect(message.json()).toEqual({ total: 'é' })
      const given = Object.fromEntries([...(message.headers ?? [])].map(([name, [value]]) => [name, value]))
      const { 'ce-datacontenttype': contentType, ...attributes } = given
      const read = HTTP.toEvent({
        headers: { ...attributes, 'content-type': contentType },
        body: message.string(),
      }) as CloudEvent<unknown>
      expect(read).toMatchObject({ id: event.id, source: '/nats-tests', type: 'order.placed', tenantid: 'acme' })
      expect(decodeURIComponent(String(read.subject))).toBe('ä-1')
      expect(read.data).toEqual({ total: 'é' })
    }
  })

  it('what is no event is delivered as the bytes that came, in its place', async () => {
    const before = eventOf({ key: 'k-1' })
    await opened.transport.publish([before])
    await publish('order.0', 'hello')
    await publish('order.1', Uint8Array.of(0, 255), { 'ce-specversion': '1.0', 'ce-id': 'x' })
    await publish('stock=2Elevel.1', '{}', { 'content-type': 'application/cloudevents+json' })
    await heard(4)
    const unreadable = listener.got.filter(({ record }) => record === undefined)
    expect(unreadable.map(({ raw }) => Buffer.from(raw ?? []).toString('latin1')).toSorted()).toEqual([
      '\0ÿ',
      'hello',
      '{}',
    ])
    for (const { raw } of unreadable) expect(raw?.buffer.byteLength).toBe(raw?.byteLength)
    expect(unreadable.map(({ stream }) => stream.split('\u001f')[1] ?? '').toSorted()).toEqual([
      'order',
      'order',
      'stock.level',
    ])
    expect(listener.got.map(({ offset }) => offset).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4])
  })

  it('who publishes to a partition that does not exist is told', async () => {
    await expect(publish('order.2', '{}')).rejects.toThrow(/no responders/i)
    await expect(publish('order', '{}')).rejects.toThrow(/no responders/i)
    await expect(publish('order.line.0', '{}')).rejects.toThrow(/no responders/i)
  })

  it('what somebody forges as a word of the server is a message like others', async () => {
    await publish('order.0', '', { 'Nats-Pending-Messages': '5', Status: '409' })
    const block = headers(409, 'Consumer Deleted')
    await client.request(`${prefix}.order.0`, '', { headers: block, timeout: 5_000 })
    const event = eventOf()
    await opened.transport.publish([event])
    // Partitions come in an order of their own.
    await heard(3)
    expect(listener.got.map(({ record }) => record?.id ?? '').toSorted()).toEqual(['', '', event.id])
  })

  it('the server knows an event again that is published twice', async () => {
    const event = eventOf()
    expect(await opened.transport.publish([event])).toEqual([{ status: 'stored' }])
    expect(await opened.transport.publish([event])).toEqual([{ status: 'stored' }])
    const other = eventOf({ id: event.id, source: '/elsewhere' })
    await opened.transport.publish([other])
    await heard(2)
    expect(listener.got.map(({ record }) => record?.source ?? '').toSorted()).toEqual(['/elsewhere', '/nats-tests'])
  })

  it('attributes too large for headers, and events larger than a share of what is kept ahead, arrive', async () => {
    const small = await open(url, { prefix, prefetch: 16, prefetchBytes: 65_536 })
    try {
      const narrow = await new Listener().join(small.transport, { group: 'narrow' })
      const wide = eventOf({ context: JSON.stringify({ business: { note: 'é'.repeat(20_000) } }) })
      const large = Array.from({ length: 6 }, (_, at) =>
        eventOf({ key: `k-${at % 2}`, data: JSON.stringify('x'.repeat(300_000)) }),
      )
      const outcomes = await opened.transport.publish([...large.slice(0, 3), wide, ...large.slice(3), eventOf()])
      expect(outcomes.every(({ status }) => status === 'stored')).toBe(true)
      await eventually(() => narrow.got.length === 8, patience)
      expect(narrow.got.find(({ record }) => record?.id === wide.id)?.record).toEqual(wide)
    } finally {
      await small.transport.close()
    }
  })

  it('topics of any name have subjects of their own', async () => {
    const names = ['a.b', 'a b', '*', '>', 'é', 'x'.repeat(900)]
    const one = await new Listener().join(opened.transport, { group: 'some', topics: names })
    const events = names.map((category) => eventOf({ category, key: category.slice(0, 9) }))
    await opened.transport.publish([...events, eventOf()])
    await eventually(() => one.got.length === names.length, patience)
    expect(one.got.map(({ record }) => record?.category ?? '').toSorted()).toEqual(names.toSorted())
    await heard(names.length + 1)
  })
})
