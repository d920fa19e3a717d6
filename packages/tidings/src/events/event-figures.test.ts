import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { expect, test } from 'vitest'
import { z } from 'zod'

import { realRuntime } from '../kernel/real-runtime.ts'
import { prepare } from '../prepare/prepare.ts'
import { defineEvent } from './define-event.ts'
import type { Event } from './event.ts'
import { plainRecord, recordOf } from './record-codec.ts'

const options = { runtime: realRuntime(), source: '/orders', validate: true }

const OrderPlaced = defineEvent('order.placed', {
  version: '2.0.0',
  schema: z.object({
    orderId: z.string(),
    customerId: z.string(),
    total: z.number(),
    lines: z.array(z.object({ sku: z.string(), count: z.number() })),
  }),
  key: (order) => order.orderId,
})

function make(at: number): Event<unknown> {
  const data = {
    orderId: `o-${at}`,
    customerId: `c-${at}`,
    total: at + 0.5,
    lines: [
      { sku: 'a', count: 1 },
      { sku: 'b', count: 2 },
    ],
  }
  return prepare(OrderPlaced.create(data, { tenantId: 'acme', userId: `u-${at}` }), {}, options) as Event<unknown>
}

/** Bytes on the heap after all garbage is gone. */
function heap(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

test('a thousand events take far less than 50 MB, a kilobyte or so each', () => {
  make(0)
  const before = heap()
  const events = Array.from({ length: 1_000 }, (_, at) => make(at))
  for (const event of events) void [event.id, event.time, event.context]
  const made = heap() - before
  const records = events.map((event) => plainRecord(recordOf(event)))
  const stored = heap() - before
  expect(events.length + records.length).toBe(2_000)
  expect(made).toBeLessThan(2 * 1_048_576)
  expect(stored).toBeLessThan(5 * 1_048_576)
})
