import { describe, expect, it } from 'vitest'

import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import type { Consumer, Delivery, Sink, Transport } from '../transport/transport.ts'
import { pacedTransport } from './paced-transport.ts'

const deliveryOf = (partition: number, offset: number): Delivery => ({
  partition,
  offset,
  stream: `s-${partition}`,
  record: undefined,
})

/** A transport that delivers what the test says; odd offsets count. */
async function paced(rate: number, onDeliver: (sink: Sink) => void = () => {}) {
  const runtime = virtualRuntime()
  const told: string[] = []
  let inner: Sink | undefined
  const consumer: Consumer = {
    request: (count) => void told.push(`request ${count}`),
    done() {},
    settle() {},
    seek: (partition, offset) => void told.push(`seek ${partition} ${offset}`),
    close: () => Promise.resolve(),
  }
  const transport = {
    capabilities: { name: 'scripted' },
    subscribe: (_options: unknown, sink: Sink) => {
      inner = sink
      return Promise.resolve(consumer)
    },
  } as unknown as Transport
  const sink: Sink = {
    assigned: () => Promise.resolve([]),
    revoked: () => Promise.resolve(),
    lost() {},
    deliver(deliveries) {
      for (const { partition, offset } of deliveries) told.push(`${partition}:${offset}`)
      onDeliver(inner as Sink)
    },
    scanned: (partition, offset) => void told.push(`${partition} scanned ${offset}`),
    ended: (cause) => void told.push(cause.message),
  }
  const around = pacedTransport(transport, runtime, rate, ({ offset }) => offset % 2 === 1)
  const outer = await around.subscribe({ group: 'g' }, sink)
  return { runtime, told, inner: inner as unknown as Sink, outer }
}

describe('a paced transport', () => {
  it('lets through what costs nothing at once, and the rest at its pace, in order', async () => {
    const { runtime, told, inner } = await paced(1)
    inner.deliver([2, 4, 1, 6, 3, 8].map((offset) => deliveryOf(0, offset)))
    inner.scanned(0, 9)
    inner.deliver([deliveryOf(1, 2)])
    expect(told).toEqual(['0:2', '0:4', '0:1', '0:6'])
    await runtime.advance(999)
    expect(told).toHaveLength(4)
    await runtime.advance(1)
    expect(told.slice(4)).toEqual(['0:3', '0:8', '0 scanned 9', '1:2'])
  })

  it('holds to its rate over many', async () => {
    const { runtime, told, inner } = await paced(100)
    inner.deliver(Array.from({ length: 500 }, (_, at) => deliveryOf(0, 2 * at + 1)))
    await runtime.advance(1_000)
    expect(told.length).toBeGreaterThan(95)
    expect(told.length).toBeLessThanOrEqual(106)
    await runtime.advance(4_000)
    expect(told).toHaveLength(500)
  })

  it('forgets what waits of partitions that move away or start over', async () => {
    const { runtime, told, inner, outer } = await paced(1)
    for (const partition of [0, 1, 2, 3]) inner.deliver([deliveryOf(partition, 1), deliveryOf(partition, 3)])
    await inner.revoked([1])
    inner.lost([2])
    outer.seek(3, 0)
    outer.request(5)
    await runtime.advance(10_000)
    expect(told).toEqual(['0:1', 'seek 3 0', 'request 5', '0:3'])
  })

  it('delivers nothing after it was closed, and says nothing twice where more comes while it delivers', async () => {
    let more = 2
    const { runtime, told, inner, outer } = await paced(1_000, (sink) => {
      if (more-- > 0) sink.deliver([deliveryOf(0, 10 + more)])
    })
    inner.deliver([deliveryOf(0, 1)])
    await runtime.advance(10)
    expect(told).toEqual(['0:1', '0:11', '0:10'])
    inner.deliver(Array.from({ length: 200 }, (_, at) => deliveryOf(0, 2 * at + 1)))
    const before = told.length
    await outer.close()
    await runtime.advance(10_000)
    inner.ended(new Error('over'))
    expect(told.slice(before)).toEqual(['over'])
  })
})
