import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineEvent } from '../events/define-event.ts'
import { PermanentError, UnavailableError } from '../kernel/errors.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { createEventBus } from './create-event-bus.ts'
import type { EventBus } from './event-bus.ts'

const OrderPlaced = defineEvent('order.placed', {
  version: '2.0.0',
  schema: z.object({ orderId: z.string(), total: z.number() }),
  key: (order) => order.orderId,
})
const StockReserved = defineEvent('stock.reserved', {
  schema: z.object({ orderId: z.string() }),
  key: (data) => data.orderId,
})

const open: EventBus[] = []
const runtime = virtualRuntime({ seed: 7 })

async function bus(options: { store?: ReturnType<typeof memoryStore> } = {}): Promise<EventBus> {
  const made = await createEventBus({
    runtime,
    ...(options.store === undefined ? { url: 'memory:' } : { store: options.store }),
  })
  open.push(made)
  return made
}

afterEach(async () => {
  await Promise.all(
    open.splice(0).map(async (one) => {
      const closing = one.close()
      await runtime.advance(20_000)
      await closing
    }),
  )
})

describe('the event bus', () => {
  it('delivers to a queued subscription, in order per stream, and takes what the handler publishes along', async () => {
    const b = await bus()
    const seen: string[] = []
    b.subscribe(OrderPlaced, { name: 'inventory' }, async (event, { publish }) => {
      seen.push(`${event.data.orderId}:${event.data.total}`)
      await publish(StockReserved, { orderId: event.data.orderId })
    })
    b.subscribe('stock.*', { name: 'watcher' }, (event) => void seen.push(event.type))
    await b.start()
    const receipt = await b.publish(OrderPlaced, { orderId: 'o-1', total: 1 }, { tenantId: 'acme' })
    await b.publish(OrderPlaced, { orderId: 'o-1', total: 2 }, { tenantId: 'acme' })
    expect(receipt).toMatchObject({ position: 1, streamVersion: 1, durability: 'memory', matched: 1 })
    await runtime.advance(10)
    expect(seen.filter((line) => line.startsWith('o-'))).toEqual(['o-1:1', 'o-1:2'])
    expect(seen.filter((line) => line === 'stock.reserved')).toHaveLength(2)
    const history = await b.store.getEventsByCorrelationId(receipt.id)
    expect(history.map((event) => [event.type, event.context.causationId, event.context.tenantId])).toEqual([
      ['order.placed', undefined, 'acme'],
      ['stock.reserved', receipt.id, 'acme'],
    ])
  })

  it('parks a poisoned event with its successors and lets other streams go on', async () => {
    const b = await bus()
    const seen: string[] = []
    b.subscribe(OrderPlaced, { name: 'inventory' }, (event) => {
      if (event.data.total === 13) throw new PermanentError('no thirteen')
      seen.push(`${event.data.orderId}:${event.data.total}`)
    })
    await b.start()
    await b.publish([13, 1, 2].map((total) => OrderPlaced.create({ orderId: 'bad', total })))
    await b.publish([1, 2].map((total) => OrderPlaced.create({ orderId: 'good', total })))
    await runtime.advance(100)
    expect(seen).toEqual(['good:1', 'good:2'])
  })

  it('spends no attempt while a dependency is away', async () => {
    const b = await bus()
    let away = true
    const attempts: number[] = []
    b.subscribe(OrderPlaced, { name: 'inventory' }, (_event, { attempt }) => {
      attempts.push(attempt)
      if (away) throw new UnavailableError('database down')
    })
    await b.start()
    await b.publish(OrderPlaced, { orderId: 'o', total: 1 })
    await runtime.advance(60_000)
    away = false
    await runtime.advance(60_000)
    expect(new Set(attempts)).toEqual(new Set([1]))
    expect(attempts.length).toBeGreaterThan(2)
  })

  it('has run inline listeners when publish returns, and retries one that throws', async () => {
    const b = await bus()
    const seen: number[] = []
    b.subscribe(OrderPlaced, { name: 'metrics', mode: 'inline' }, (event, { attempt }) => {
      if (attempt === 1 && event.data.total === 2) throw new Error('once')
      seen.push(event.data.total)
    })
    await b.start()
    await b.publish(OrderPlaced, { orderId: 'o', total: 1 })
    expect(seen).toEqual([1])
    const receipt = await b.publish(OrderPlaced, { orderId: 'o', total: 2 })
    expect(receipt.failures).toHaveLength(1)
    await b.publish(OrderPlaced, { orderId: 'o', total: 3 })
    await runtime.advance(10_000)
    expect(seen).toEqual([1, 2, 3])
  })

  it('resumes where the last process stopped', async () => {
    const store = memoryStore()
    const seen: number[] = []
    for (const round of [1, 2]) {
      const b = await bus({ store })
      b.subscribe(OrderPlaced, { name: 'inventory' }, (event) => void seen.push(event.data.total))
      await b.start()
      for (let at = 0; at < 50; at++) await b.publish(OrderPlaced, { orderId: `o-${at % 5}`, total: round * 100 + at })
      await runtime.advance(100)
      const closing = b.close()
      await runtime.advance(10_000)
      await closing
    }
    expect(seen.toSorted((a, z) => a - z)).toEqual([
      ...Array.from({ length: 50 }, (_, at) => 100 + at),
      ...Array.from({ length: 50 }, (_, at) => 200 + at),
    ])
  })
})
