import type { Delivery } from 'tidings/spi'

import type { BrokenTransport } from '../broken-backend.ts'
import { brokenLog } from './bend.ts'

/** Transports that deliver what they should not, or not what they should. */
export const deliveryFaults: readonly BrokenTransport[] = [
  brokenLog(
    'loses one event in a hundred',
    ['assigned', 'delivers', 'groups', 'order', 'replay', 'revoked', 'scanned', 'takeover'],
    {
      sink: (sink) => ({
        deliver: (deliveries) => sink.deliver(deliveries.filter(({ offset }) => offset % 100 !== 0)),
      }),
    },
  ),
  brokenLog('delivers some neighbours of a partition in the wrong order', ['done', 'offsets', 'order', 'replay'], {
    sink: (sink) => ({
      deliver(deliveries) {
        const bent = [...deliveries]
        for (let at = 1; at < bent.length; at++) {
          const [left, right] = [bent[at - 1] as Delivery, bent[at] as Delivery]
          if (left.partition === right.partition) bent.splice(at - 1, 2, right, left)
        }
        sink.deliver(bent)
      },
    }),
  }),
  brokenLog('delivers the last of many twice', ['delivers', 'groups', 'offset-after', 'replay', 'seek'], {
    sink: (sink) => ({
      deliver(deliveries) {
        sink.deliver(deliveries.length < 45 ? deliveries : [...deliveries, ...deliveries.slice(-1)])
      },
    }),
  }),
  brokenLog('delivers more than was requested', ['credit'], {
    consumer: (consumer) => ({ request: (count) => consumer.request(count * 2) }),
  }),
  brokenLog('delivers without being asked', ['credit'], {
    consumer: (consumer) => {
      consumer.request(5)
      return {}
    },
  }),
  brokenLog('forgets a request that is followed by another', ['credit'], {
    consumer(consumer) {
      let asked = false
      return {
        request(count) {
          if (asked && count === 3) return
          asked = true
          consumer.request(count)
        },
      }
    },
  }),
  brokenLog('forgets the topics', ['topics'], { subscribe: ({ topics: _, ...options }) => options }),
  brokenLog('begins at the beginning, whatever it is told', ['start'], {
    subscribe: ({ start: _, ...options }) => options,
  }),
  brokenLog('names partitions in a way of its own', ['partition'], {
    sink: (sink) => ({
      assigned: (partitions) => sink.assigned(partitions.map(turned)),
      revoked: (partitions) => sink.revoked(partitions.map(turned)),
      lost: (partitions) => sink.lost(partitions.map(turned)),
      deliver: (deliveries) => sink.deliver(deliveries.map((one) => ({ ...one, partition: turned(one.partition) }))),
      scanned: (partition, offset) => sink.scanned(turned(partition), offset),
    }),
    consumer: (consumer) => ({
      seek: (partition, offset) => consumer.seek(back(partition), offset),
      done: (partition, offset) => consumer.done(back(partition), offset),
    }),
  }),
  brokenLog('turns bytes into text', ['round-trip', 'size'], {
    transport: (good) => ({
      publish: (batch, signal) =>
        good.publish(
          batch.map((one) =>
            typeof one.data === 'string' ? one : { ...one, data: Buffer.from(one.data).toString('latin1') },
          ),
          signal,
        ),
    }),
  }),
  brokenLog('drops the context of events', ['round-trip'], {
    transport: (good) => ({
      publish: (batch, signal) =>
        good.publish(
          batch.map((one) => ({ ...one, context: '' })),
          signal,
        ),
    }),
  }),
  brokenLog('declares a limit of size and knows none', ['size'], {
    transport: (good) => ({ capabilities: Object.freeze({ ...good.capabilities, maxBytes: 300_000 }) }),
  }),
  brokenLog('refuses the neighbours of what is too large', ['size'], {
    transport: (good) => ({
      capabilities: Object.freeze({ ...good.capabilities, maxBytes: 300_000 }),
      async publish(batch, signal) {
        const large = batch.some(({ data }) => data.length > 300_000)
        return large
          ? batch.map(() => ({ status: 'refused', error: new Error('too large') }))
          : good.publish(batch, signal)
      },
    }),
  }),
  brokenLog('answers a batch as one', ['abort', 'delivers'], {
    transport: (good) => ({ publish: async (batch, signal) => (await good.publish(batch, signal)).slice(0, 1) }),
  }),
  brokenLog('rejects when its signal aborts', ['abort'], {
    transport: (good) => ({
      publish: (batch, signal) =>
        signal?.aborted === true ? Promise.reject(signal.reason as Error) : good.publish(batch, signal),
    }),
  }),
  brokenLog('calls stored what it was too late for', ['abort'], {
    transport: (good) => ({
      publish: async (batch, signal) =>
        signal?.aborted === true ? batch.map(() => ({ status: 'stored' })) : good.publish(batch, signal),
    }),
  }),
]

function turned(partition: number): number {
  return (partition + 1) % 8
}

function back(partition: number): number {
  return (partition + 7) % 8
}
