import { eventually } from '@tidings/conformance'
import { createEventBus, defineEvent, type EventBus, memoryStore } from 'tidings'
import { realRuntime, silentLog, silentMeter } from 'tidings/spi'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { serverUrl, without } from '../../../tools/servers/index.ts'
import { freshPrefix, open, removeStreams, serverOf } from '../tests/nats-world.ts'
import { Link } from './connection/link.ts'
import { nats } from './index.ts'
import { settingsOf } from './nats-options.ts'

const url = (await serverUrl('nats')) ?? ''
const soon = { deadline: 20_000 }
const OrderPlaced = defineEvent('order.placed', { key: (data: { total: number }) => `o-${data.total % 7}` })

describe('how far groups are', without('nats'), () => {
  let prefix: string
  const buses: EventBus[] = []
  beforeEach(() => {
    prefix = freshPrefix()
  })
  afterEach(async () => {
    await Promise.all(buses.splice(0).map((bus) => bus.close()))
    await removeStreams(url, prefix)
  })

  const service = async (store: 'none' | ReturnType<typeof memoryStore>, heard: number[]): Promise<EventBus> => {
    const transport = nats({ servers: [serverOf(url)], prefix, partitions: 4, lease: 1_000 })
    const bus = await createEventBus({ store, transport, source: '/shop' })
    buses.push(bus)
    bus.subscribe(OrderPlaced, { name: 'bills', from: 'beginning' }, ({ data }) => void heard.push(data.total))
    await bus.start()
    return bus
  }

  /** Keys of the bucket under which something is noted. */
  const noted = async (): Promise<string[]> => {
    const { link, end } = await connect()
    const info = await link.manager.streams.info(`KV_${prefix}_groups`, { subjects_filter: '$KV.*.*.progress.*' })
    await end()
    return Object.keys(info.state.subjects ?? {})
  }

  const connect = async (): Promise<{ link: Link; end: () => Promise<void> }> => {
    const host = { runtime: realRuntime(), log: silentLog, meter: silentMeter }
    const link = await Link.open(settingsOf({ servers: [serverOf(url)] }), host)
    return { link, end: () => link.close() }
  }

  it('is noted in their bucket where nobody else keeps it, and nothing is where a store does', async () => {
    const heard: number[] = []
    const bus = await service(memoryStore(), heard)
    await bus.publish([1, 2, 3, 4, 5, 6, 7].map((total) => OrderPlaced.create({ total })))
    await eventually(() => heard.length === 7, soon)
    await bus.close()
    expect(await noted()).toEqual([])
    const direct = await service('none', heard)
    await eventually(() => heard.length === 14, soon)
    await direct.close()
    expect((await noted()).length).toBeGreaterThan(0)
  })

  it('is forgotten with their stream: one that is made anew is heard from its beginning', async () => {
    const heard: number[] = []
    const bus = await service('none', heard)
    const totals = [1, 2, 3, 4, 5, 6, 7]
    await bus.publish(totals.map((total) => OrderPlaced.create({ total })))
    await eventually(() => heard.length === 7, soon)
    await bus.close()
    const { link, end } = await connect()
    await link.manager.streams.delete(prefix)
    await end()
    // As many as before, and more: by their numbers alone the old places would lie within the new stream.
    const { transport } = await open(url, { prefix, partitions: 4 })
    await transport.close()
    const other = await createEventBus({
      store: 'none',
      transport: nats({ servers: [serverOf(url)], prefix }),
      source: '/other',
    })
    buses.push(other)
    await other.publish(Array.from({ length: 30 }, (_, at) => OrderPlaced.create({ total: 100 + at })))
    heard.length = 0
    await service('none', heard)
    await eventually(() => heard.length === 30, soon)
  })
})
