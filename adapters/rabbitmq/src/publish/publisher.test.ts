import { type EventRecord, type Log, type Outcome, silentMeter, virtualRuntime } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import { event } from '../../tests/events.ts'
import { FakeLink } from '../../tests/fake-link.ts'
import { settingsOf } from '../rabbitmq-options.ts'
import { Publisher } from './publisher.ts'

interface World {
  readonly link: FakeLink
  readonly publisher: Publisher
  /** What the publisher has warned of. */
  readonly warnings: readonly string[]
  /** Lets what is due happen, and `ms` pass. */
  readonly pass: (ms?: number) => Promise<void>
  /** Publishes, and notes the outcomes when they are there. */
  readonly publish: (
    batch: readonly EventRecord[],
    signal?: AbortSignal,
  ) => { outcomes: readonly Outcome[] | undefined }
  /** Ids that were sent over the current channel. */
  readonly sent: () => (string | undefined)[]
}

async function publisherWorld(options: Parameters<typeof settingsOf>[0] = {}): Promise<World> {
  const runtime = virtualRuntime({ seed: 3 })
  const link = new FakeLink()
  const warnings: string[] = []
  const log: Log = (level, message) => {
    if (level === 'warn') warnings.push(message)
  }
  const host = { runtime, log, meter: silentMeter }
  const publisher = new Publisher(link.asLink, settingsOf(options), host, () => Promise.resolve())
  const pass = (ms = 1): Promise<void> => runtime.advance(ms)
  await pass()
  return {
    link,
    publisher,
    warnings,
    pass,
    publish(batch, signal) {
      const call: { outcomes: readonly Outcome[] | undefined } = { outcomes: undefined }
      void publisher.publish(batch, signal).then((outcomes) => (call.outcomes = outcomes))
      return call
    },
    sent: () => link.channel.sent.map(({ messageId }) => messageId),
  }
}

const statuses = (outcomes: readonly Outcome[] | undefined): string[] | undefined =>
  outcomes?.map(({ status }) => status)

describe('what is on its way', () => {
  it('is one event of each stream; the next leaves when the first is stored', async () => {
    const world = await publisherWorld()
    const [a1, a2, b1] = [event({ key: 'a' }), event({ key: 'a' }), event({ key: 'b' })]
    const call = world.publish([a1, a2, b1])
    await world.pass()
    expect(world.sent()).toEqual([a1.id, b1.id])
    world.link.channel.confirm(1)
    await world.pass()
    expect(world.sent()).toEqual([a1.id, b1.id, a2.id])
    world.link.channel.confirm(2)
    world.link.channel.confirm(3)
    await world.pass()
    expect(statuses(call.outcomes)).toEqual(['stored', 'stored', 'stored'])
  })

  it('keeps what stands behind a refused event from overtaking it, also that of other calls', async () => {
    const world = await publisherWorld()
    const first = world.publish([event({ key: 'a' }), event({ key: 'a' }), event({ key: 'b' })])
    const second = world.publish([event({ key: 'a' })])
    await world.pass()
    world.link.channel.reject(1)
    world.link.channel.confirm(2)
    await world.pass()
    expect(statuses(first.outcomes)).toEqual(['unknown', 'unknown', 'stored'])
    expect(statuses(second.outcomes)).toEqual(['unknown'])
    expect(world.sent()).toHaveLength(2)
    const again = world.publish([event({ key: 'a' })])
    await world.pass()
    world.link.channel.confirm(3)
    await world.pass()
    expect(statuses(again.outcomes)).toEqual(['stored'])
  })

  it('is never more than the window', async () => {
    const world = await publisherWorld({ window: 3 })
    const batch = Array.from({ length: 5 }, (_, at) => event({ key: `k-${at}` }))
    const call = world.publish(batch)
    await world.pass()
    expect(world.sent()).toHaveLength(3)
    for (let at = 0; at < 5; at++) {
      world.link.channel.confirm(at + 1)
      await world.pass()
    }
    expect(statuses(call.outcomes)).toEqual(batch.map(() => 'stored'))
  })
})

describe('a channel that ends', () => {
  it('leaves what flew unknown, and blocks no stream', async () => {
    const world = await publisherWorld()
    const call = world.publish([event({ key: 'a' }), event({ key: 'a' })])
    await world.pass()
    world.link.channel.end()
    await world.pass()
    expect(statuses(call.outcomes)).toEqual(['unknown', 'unknown'])
    expect(world.link.channels).toHaveLength(2)
    const again = world.publish([event({ key: 'a' })])
    await world.pass()
    world.link.channel.confirm(1)
    await world.pass()
    expect(statuses(again.outcomes)).toEqual(['stored'])
  })

  it('is replaced when it confirms nothing in time', async () => {
    const world = await publisherWorld({ publishTimeout: 1_000 })
    const call = world.publish([event()])
    await world.pass(999)
    expect(call.outcomes).toBeUndefined()
    await world.pass(2)
    expect(call.outcomes).toMatchObject([{ status: 'unknown', error: { code: 'TIDINGS_BROKER_UNAVAILABLE' } }])
    expect(world.link.channels).toHaveLength(2)
    const silent = 'RabbitMQ confirms nothing; trying on. It may have a quorum queue without a leader.'
    void world.publish([event()])
    await world.pass(1_002)
    expect(world.link.channels).toHaveLength(3)
    expect(world.warnings).toEqual([silent])
    void world.publish([event()])
    await world.pass()
    world.link.channel.confirm(1)
    void world.publish([event()])
    await world.pass(1_002)
    expect(world.warnings).toEqual([silent, silent])
  })

  it('teaches the limit of a broker that takes less than we would', async () => {
    const world = await publisherWorld()
    const large = event({ data: JSON.stringify('x'.repeat(5_000)) })
    const first = world.publish([large])
    await world.pass()
    const message = 'BasicPublish: PRECONDITION_FAILED - message size 5002 is larger than configured max size 4000'
    world.link.channel.emit('error', Object.assign(new Error(message), { code: 'PRECONDITION_FAILED' }))
    world.link.channel.end()
    await world.pass()
    expect(statuses(first.outcomes)).toEqual(['unknown'])
    const second = world.publish([large, event({ key: 'small' })])
    await world.pass()
    world.link.channel.confirm(1)
    await world.pass()
    expect(second.outcomes).toMatchObject([
      { status: 'refused', error: { code: 'TIDINGS_TOO_LARGE' } },
      { status: 'stored' },
    ])
  })
})

describe('a broker that takes nothing', () => {
  it('is sent nothing while it says so; what waits is unknown when its time is over', async () => {
    const world = await publisherWorld({ publishTimeout: 1_000 })
    world.link.tell({ blocked: true })
    const early = world.publish([event({ key: 'a' })])
    await world.pass(600)
    const late = world.publish([event({ key: 'b' })])
    await world.pass(500)
    expect(statuses(early.outcomes)).toEqual(['unknown'])
    expect(world.sent()).toEqual([])
    expect(world.link.channels).toHaveLength(1)
    world.link.tell({ blocked: false })
    await world.pass()
    expect(world.sent()).toHaveLength(1)
    world.link.channel.confirm(1)
    await world.pass()
    expect(statuses(late.outcomes)).toEqual(['stored'])
  })

  it('is waited for while it is away', async () => {
    const world = await publisherWorld({ publishTimeout: 5_000 })
    world.link.up = false
    world.link.channel.end()
    const call = world.publish([event()])
    await world.pass(2_000)
    expect(call.outcomes).toBeUndefined()
    world.link.tell({ up: true })
    await world.pass()
    world.link.channel.confirm(1)
    await world.pass()
    expect(statuses(call.outcomes)).toEqual(['stored'])
  })
})

describe('a signal', () => {
  it('takes back what has not left, and what stands behind it', async () => {
    const world = await publisherWorld()
    const control = new AbortController()
    const given = [event({ key: 'a' }), event({ key: 'a' })]
    const up = world.publish(given, control.signal)
    const behind = world.publish([event({ key: 'a' })])
    await world.pass()
    control.abort(new Error('enough'))
    await world.pass()
    expect(statuses(up.outcomes)).toEqual(['unknown', 'unknown'])
    expect(statuses(behind.outcomes)).toEqual(['unknown'])
    const after = event({ key: 'a' })
    const next = world.publish([after])
    await world.pass()
    // The first is still on its way: nobody passes it.
    expect(world.sent()).toEqual([given[0]?.id])
    world.link.channel.confirm(1)
    await world.pass()
    expect(world.sent()).toEqual([given[0]?.id, after.id])
    world.link.channel.confirm(2)
    await world.pass()
    expect(statuses(next.outcomes)).toEqual(['stored'])
  })
})

describe('closing', () => {
  it('waits for what is on its way, and no longer than it may', async () => {
    const world = await publisherWorld()
    const [kept, left] = [world.publish([event({ key: 'a' })]), world.publish([event({ key: 'b' })])]
    await world.pass()
    let closed = false
    void world.publisher.close(500).then(() => (closed = true))
    await expect(world.publisher.publish([event()])).rejects.toMatchObject({ code: 'TIDINGS_CLOSED' })
    world.link.channel.confirm(1)
    await world.pass(400)
    expect(statuses(kept.outcomes)).toEqual(['stored'])
    expect(closed).toBe(false)
    await world.pass(200)
    expect(statuses(left.outcomes)).toEqual(['unknown'])
    expect(closed).toBe(true)
  })
})

describe('events that RabbitMQ cannot carry', () => {
  it('are refused by themselves', async () => {
    const world = await publisherWorld({ maxBytes: 2_000 })
    const call = world.publish([
      event({ key: 'a', data: JSON.stringify('x'.repeat(2_000)) }),
      event({ key: 'a' }),
      event({ key: 'b', category: 'x'.repeat(300) }),
      event({ key: 'c', source: 'no uri reference' }),
    ])
    await world.pass()
    expect(world.sent()).toHaveLength(1)
    world.link.channel.confirm(1)
    await world.pass()
    expect(call.outcomes).toMatchObject([
      { status: 'refused', error: { code: 'TIDINGS_TOO_LARGE' } },
      { status: 'stored' },
      { status: 'refused', error: { code: 'TIDINGS_INVALID_EVENT' } },
      { status: 'refused', error: { code: 'TIDINGS_INVALID_EVENT' } },
    ])
  })
})
