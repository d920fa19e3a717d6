import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { canStartOwn, serverUrl, startOwn, without } from '../../../tools/servers/index.ts'
import { eventOf } from '../tests/events.ts'
import { freshPrefix, open, removeStreams, serverOf } from '../tests/nats-world.ts'
import type { OpenedNats } from './open-nats.ts'
import { partitionsKey } from './stream/stream-config.ts'

const url = (await serverUrl('nats')) ?? ''
await canStartOwn('nats')

describe('opening', without('nats'), () => {
  let client: NatsConnection
  let prefix: string
  let opened: OpenedNats[] = []
  beforeAll(async () => {
    client = await connect({ servers: [serverOf(url)] })
  })
  afterAll(() => client.close())
  beforeEach(() => {
    prefix = freshPrefix()
  })
  afterEach(async () => {
    for (const one of opened) await one.transport.close()
    opened = []
    await removeStreams(url, prefix)
  })
  const openHere: typeof open = async (...args) => {
    const one = await open(...args)
    opened.push(one)
    return one
  }

  it('makes a stream as the options say, which the tools of the server show', async () => {
    const keep = { age: 3_600_000, bytes: 10_000_000, events: 500 }
    await openHere(url, { prefix, partitions: 3, keep, duplicateWindow: 60_000 })
    const manager = await jetstreamManager(client)
    const { config } = await manager.streams.info(prefix)
    expect(config).toMatchObject({
      subjects: [`${prefix}.*.0`, `${prefix}.*.1`, `${prefix}.*.2`],
      storage: 'file',
      retention: 'limits',
      discard: 'old',
      max_age: 3_600_000 * 1_000_000,
      max_bytes: 10_000_000,
      max_msgs: 500,
      duplicate_window: 60_000 * 1_000_000,
      metadata: { [partitionsKey]: '3' },
    })
    expect((await manager.streams.info(`KV_${prefix}_groups`)).config.max_msgs_per_subject).toBe(1)
  })

  it('takes an existing stream as it is, and tells where that is not what was asked for', async () => {
    await openHere(url, { prefix, partitions: 3, storage: 'memory', keep: { events: 500 } })
    const told: unknown[] = []
    const { transport } = await openHere(
      url,
      { prefix, keep: { events: 900 }, replicas: 3 },
      {
        log: (_level, message, fields) => void told.push({ message, fields }),
      },
    )
    expect(transport.capabilities).toMatchObject({ partitions: 3, durability: 'memory' })
    expect(told).toMatchObject([
      { fields: { stream: prefix, 'keep.events': { asked: 900, kept: 500 }, replicas: { asked: 3, kept: 1 } } },
    ])
  })

  it.for([
    [{ partitions: 4 }, 'partitions'],
    [{ storage: 'memory' as const }, 'storage'],
  ] as const)('refuses to see an existing stream as what it is not: %j', async ([options, field]) => {
    await openHere(url, { prefix, partitions: 3 })
    await expect(open(url, { prefix, ...options })).rejects.toMatchObject({
      code: 'TIDINGS_INVALID_OPTION',
      details: { field },
    })
  })

  it('refuses a stream that somebody else made or changed', async () => {
    const manager = await jetstreamManager(client)
    const refused = { code: 'TIDINGS_INVALID_OPTION', details: { field: 'prefix' } }
    await manager.streams.add({ name: prefix, subjects: [`${prefix}.>`] })
    await expect(open(url, { prefix })).rejects.toMatchObject(refused)
    await manager.streams.delete(prefix)
    await manager.streams.add({ name: prefix, subjects: [`${prefix}.*.0`], metadata: { [partitionsKey]: '2' } })
    await expect(open(url, { prefix })).rejects.toMatchObject(refused)
    await manager.streams.delete(prefix)
    const metadata = { [partitionsKey]: '1' }
    for (const wrong of [{ retention: 'interest' }, { no_ack: true }, { metadata: { [partitionsKey]: '1e9' } }]) {
      await manager.streams.add({ name: prefix, subjects: [`${prefix}.*.0`], metadata, ...wrong } as never)
      await expect(open(url, { prefix })).rejects.toMatchObject(refused)
      await manager.streams.delete(prefix)
    }
    const other = `${prefix}-other`
    await manager.streams.add({ name: other, subjects: [`${prefix}.>`] })
    await expect(open(url, { prefix })).rejects.toMatchObject(refused)
    await manager.streams.delete(other)
  })

  it('reads the largest message from the stream where that takes less than the server', async () => {
    await openHere(url, { prefix })
    const manager = await jetstreamManager(client)
    await manager.streams.update(prefix, { max_msg_size: 2_000 })
    const { transport } = await openHere(url, { prefix })
    expect(transport.capabilities.maxBytes).toBe(2_000)
    const large = eventOf({ data: JSON.stringify('x'.repeat(2_000)) })
    expect(await transport.publish([large, eventOf()])).toMatchObject([{ status: 'refused' }, { status: 'stored' }])
    // The one that was opened before finds out from the stream.
    expect(await opened[0]?.transport.publish([large, eventOf()])).toMatchObject([
      { status: 'refused', error: { code: 'TIDINGS_TOO_LARGE' } },
      { status: 'stored' },
    ])
  })

  it('many at once make one stream', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => openHere(url, { prefix, partitions: 5 })))
    expect(all.map(({ transport }) => transport.capabilities.partitions)).toEqual(Array(6).fill(5))
  })

  it('logs in, and tells nobody the password where that fails', async () => {
    await using server = await startOwn('nats', { authorization: '{ user: "shop", password: "hunter2" }' })
    const one = await open(server.url, { prefix, user: 'shop', password: 'hunter2' })
    expect(await one.transport.publish([eventOf()])).toEqual([{ status: 'stored' }])
    await one.transport.close()
    for (const wrong of [{}, { user: 'shop', password: 'hunter3' }, { token: 'hunter4' }]) {
      const error = await open(server.url, { prefix, ...wrong }).then(
        () => undefined,
        (reason: Error) => reason,
      )
      expect(error).toMatchObject({ code: 'TIDINGS_BROKER_UNAVAILABLE' })
      for (let at: unknown = error; at instanceof Error; at = at.cause)
        expect(JSON.stringify([at.message, at, Object.values(at)])).not.toMatch(/hunter/)
    }
  })

  it('says so where the server has no JetStream', async () => {
    await expect(open(url, { prefix, domain: 'nowhere', timeout: 500 })).rejects.toMatchObject({
      code: 'TIDINGS_BROKER_UNAVAILABLE',
    })
  })
})
