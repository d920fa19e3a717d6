import { eventually } from '@tidings/conformance'
import { CloudEvent, Kafka } from 'cloudevents'
import { parseStream } from 'tidings/spi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { without } from '../../../tools/servers/index.ts'
import { eventOf } from '../tests/events.ts'
import { bootstrap, type KafkaWorld, kafkaWorld } from '../tests/kafka-world.ts'
import { hasKcat, kcat } from '../tests/kcat.ts'
import { Listener } from '../tests/listener.ts'

const patience = { deadline: 10_000 }

describe('beside other clients of Kafka', without('kafka'), () => {
  let world: KafkaWorld
  let topic: string
  let listener: Listener
  beforeAll(async () => {
    world = await kafkaWorld()
    topic = `${world.settings.prefix}order`
    listener = await new Listener().join(await world.connect(), { group: 'reader', topics: ['order'] })
  })
  afterAll(() => world.end())

  describe('kcat', { skip: !hasKcat, meta: hasKcat ? {} : { notRun: 'no kcat is installed' } }, () => {
    it('shows the key, the headers and the data as people can read them', async () => {
      const transport = await world.connect()
      const event = eventOf({ tenant: 'acme', key: 'o-9', data: '{"total":99.5,"name":"Zoë"}' })
      expect(await transport.publish([event])).toEqual([{ status: 'stored' }])
      const out = await kcat(['-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%k|%h|%s\n'])
      const line = out.split('\n').find((one) => one.includes(event.id)) ?? ''
      const [key, headers, data] = line.split('|')
      expect(key).toBe('acme/order/o-9')
      expect(headers).toContain(`ce_id=${event.id},ce_source=/shop,ce_type=order.placed,ce_subject=o-9`)
      expect(headers).toContain('content-type=application/json')
      expect(data).toBe('{"total":99.5,"name":"Zoë"}')
    })

    it.for(['none', 'gzip', 'snappy', 'lz4', 'zstd'])('writes events that we hear, compressed by %s', async (codec) => {
      const id = `kcat-${codec}`
      const headers = [
        'ce_specversion=1.0',
        `ce_id=${id}`,
        'ce_source=/shell',
        'ce_type=order.placed',
        'ce_subject=o-1',
      ]
      const flags = [...headers, 'content-type=application/json'].flatMap((header) => ['-H', header])
      await kcat(['-P', '-t', topic, '-k', '/order/o-1', '-z', codec, ...flags], '{"by":"kcat"}')
      await eventually(() => listener.ids.includes(id), patience)
      const found = listener.got.find(({ record }) => record?.id === id)
      expect(found?.record).toMatchObject({
        source: '/shell',
        category: 'order',
        key: 'o-1',
        version: '',
        data: '{"by":"kcat"}',
      })
    })

    it('puts what has our key where we put it', async () => {
      const transport = await world.connect()
      for (const key of ['p-1', 'p-2', 'p-3', 'p-4', 'p-5', 'p-6']) {
        const event = eventOf({ tenant: 'acme', key })
        await transport.publish([event])
        const headers = ['ce_specversion=1.0', `ce_id=beside-${key}`, 'ce_source=/shell', 'ce_type=order.placed']
        const flags = headers.flatMap((header) => ['-H', header])
        // librdkafka's own default is another hash; Java's is this one.
        await kcat(['-P', '-t', topic, '-X', 'partitioner=murmur2', '-k', `acme/order/${key}`, ...flags], '{}')
        await eventually(() => listener.ids.includes(`beside-${key}`), patience)
        const [ours, theirs] = [event.id, `beside-${key}`].map((id) =>
          listener.got.find(({ record }) => record?.id === id),
        )
        expect(theirs?.partition).toBe(ours?.partition)
      }
    })
  })

  it('reads what a CloudEvents SDK writes, binary and structured', async () => {
    const event = new CloudEvent({
      id: 'sdk',
      source: 'https://example.com/cart',
      type: 'com.example.order.placed',
      subject: 'o-7',
      tenantid: 'acme',
      colour: 'green',
      data: { total: 7 },
    })
    const producer = new world.client.Producer({ clientId: 'sdk', bootstrapBrokers: [bootstrap] })
    for (const message of [Kafka.binary(event), Kafka.structured(event)]) {
      const headers = new Map(
        Object.entries(message.headers)
          // The SDK names what it does not say, too.
          .filter(([, content]) => content !== undefined)
          .map(([name, content]) => [Buffer.from(name), Buffer.from(String(content))]),
      )
      const value = Buffer.from(typeof message.value === 'string' ? message.value : JSON.stringify(message.value))
      await producer.send({ messages: [{ topic, key: Buffer.from('k'), value, headers }], acks: -1 })
    }
    await producer.close()
    await eventually(() => listener.ids.filter((id) => id === 'sdk').length === 2, patience)
    for (const { record } of listener.got.filter((one) => one.record?.id === 'sdk')) {
      expect(record).toMatchObject({
        source: 'https://example.com/cart',
        key: 'o-7',
        tenant: 'acme',
        data: '{"total":7}',
      })
      expect(record?.context).toContain('"colour":"green"')
    }
  })

  it('hands over what is no event with its bytes, in its place, and goes on', async () => {
    const producer = new world.client.Producer({ clientId: 'stranger', bootstrapBrokers: [bootstrap] })
    const before = listener.got.length
    const after = eventOf()
    const message = (key: string | undefined, value: Buffer) => ({
      topic,
      partition: 0,
      ...(key && { key: Buffer.from(key) }),
      value,
    })
    await producer.send({
      messages: [message('a\u001fb', Buffer.of(0, 255, 1)), message(undefined, Buffer.from('plain'))],
      acks: -1,
    })
    await producer.close()
    await (await world.connect()).publish([after])
    await eventually(() => listener.ids.includes(after.id), patience)
    await eventually(
      () => listener.got.slice(before).filter(({ record }) => record === undefined).length === 2,
      patience,
    )
    const [first, second] = listener.got.slice(before).filter(({ record }) => record === undefined)
    expect(first?.raw).toEqual(Uint8Array.of(0, 255, 1))
    expect(parseStream(first?.stream ?? '')).toEqual({ tenant: '', category: topic, key: 'a\ufffdb' })
    expect(Buffer.from(second?.raw ?? []).toString()).toBe('plain')
    expect(second?.offset).toBe((first?.offset ?? 0) + 1)
  })

  it('does not hear what an aborted transaction wrote', async () => {
    const producer = new world.client.Producer({
      clientId: 'bank',
      bootstrapBrokers: [bootstrap],
      idempotent: true,
      transactionalId: `${topic}-bank`,
    })
    const headers = (id: string) =>
      new Map(
        Object.entries({ ce_specversion: '1.0', ce_id: id, ce_source: '/bank', ce_type: 'order.paid' }).map(
          ([name, value]) => [Buffer.from(name), Buffer.from(value)],
        ),
      )
    for (const outcome of ['aborted', 'committed']) {
      const transaction = await producer.beginTransaction()
      await transaction.send({
        messages: [{ topic, partition: 1, value: Buffer.from('{}'), headers: headers(outcome) }],
      })
      await (outcome === 'aborted' ? transaction.abort() : transaction.commit())
    }
    await producer.close()
    await eventually(() => listener.ids.includes('committed'), patience)
    expect(listener.ids).not.toContain('aborted')
    // The mark of a transaction takes a place of its own.
    const { partition, offset } = listener.got.find(
      ({ record }) => record?.id === 'committed',
    ) as (typeof listener.got)[number]
    await eventually(() => (listener.scans.get(partition) ?? 0) > offset, patience)
    expect(listener.offences).toEqual([])
  })
})
