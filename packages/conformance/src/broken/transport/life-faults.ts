import { memoryStore, type Store, type Transport, virtualRuntime } from 'tidings/spi'

import { logBackend } from '../../transport/log-backend.ts'
import type { TransportBackend } from '../../transport/transport-world.ts'
import type { BrokenTransport } from '../broken-backend.ts'
import { bendBackend, bendEachPlace, brokenLog, honestLog } from './bend.ts'
import { fanoutBackend } from './memory-fanout.ts'
import { queueBackend } from './memory-queue.ts'

/** Transports that close wrongly, or are not what they declare. */
export const lifeFaults: readonly BrokenTransport[] = [
  brokenLog('works on after close', ['close'], { transport: () => ({ close: async () => {} }) }),
  brokenLog('refuses to close twice', ['close'], {
    transport(good) {
      let closed = false
      return {
        async close() {
          if (closed) throw new Error('already closed')
          closed = true
          await good.close()
        },
      }
    },
  }),
  brokenLog('never ends closing', ['close'], { transport: () => ({ close: () => new Promise(() => {}) }) }),
  brokenLog('leaves its consumers open when it closes', ['close'], {
    transport(good) {
      let closed = false
      return {
        publish: (batch, signal) =>
          closed
            ? good.publish([], AbortSignal.abort()).then(() => Promise.reject(new Error('closed')))
            : good.publish(batch, signal),
        async close() {
          closed = true
        },
      }
    },
  }),
  brokenLog('calls it an end when a consumer closes', ['close'], {
    consumer: (consumer, sink) => ({
      async close() {
        await consumer.close()
        sink.ended(new Error('closed'))
      },
    }),
  }),
  brokenLog('lets its capabilities be changed', ['declared'], {
    transport: (good) => ({ capabilities: { ...good.capabilities } }),
  }),
  brokenLog('declares no order although it is a log', ['declared', 'no-order'], {
    transport: (good) => ({ capabilities: Object.freeze({ ...good.capabilities, ordering: 'none' }) }),
  }),
  { backend: closesEverybody('closes all connections with one'), breaks: ['close'] },
  { backend: forgetsOnClose('declares durability and opens empty'), breaks: ['durable'] },
  { backend: changesItsMind('declares something else on the next connection'), breaks: ['declared', 'memory-only'] },
  {
    backend: bendBackend(fanoutBackend('declares a past and has none'), {
      transport: (good) => ({ capabilities: Object.freeze({ ...good.capabilities, replay: true }) }),
    }),
    breaks: ['declared', 'replay'],
  },
  {
    backend: fanoutBackend('remembers what it declares to forget', { remembers: true }),
    breaks: ['no-redelivery', 'no-replay'],
  },
  { backend: fanoutBackend('has groups that it declares not to have', { shares: true }), breaks: ['no-groups'] },
  {
    backend: fanoutBackend('takes exclusive subscriptions and cannot keep them', { takesExclusive: true }),
    breaks: ['no-groups'],
  },
  {
    backend: fanoutBackend('loses what a member has not asked for yet', { impatient: true }),
    breaks: ['credit', 'fanout'],
  },
  { backend: queueBackend('drops what shall come again', { dropsAgain: true }), breaks: ['settle'] },
  {
    backend: queueBackend('delivers again what is done', { repeatsDone: true }),
    breaks: ['delivers', 'groups', 'no-replay', 'settle'],
  },
  { backend: queueBackend('loses what a member held', { losesUnsettled: true }), breaks: ['redelivery', 'settle'] },
  { backend: queueBackend('gives back what is settled twice', { minds: true }), breaks: ['settle'] },
  { backend: queueBackend('never changes the topics of a group', { keepsTopics: true }), breaks: ['topics'] },
  {
    backend: queueBackend('delivers again behind what waits', { ordered: true, returnsLate: true }),
    breaks: ['again-order'],
  },
  {
    backend: queueBackend('turns around what a member held', { ordered: true, returnsReversed: true }),
    breaks: ['return-order'],
  },
]

function closesEverybody(name: string): TransportBackend {
  return bendEachPlace(honestLog(name), () => {
    const all: Transport[] = []
    return {
      transport(good) {
        all.push(good)
        return { close: async () => void (await Promise.all(all.map((each) => each.close()))) }
      },
    }
  })
}

function forgetsOnClose(name: string): TransportBackend {
  const stores = new Map<string, Store>()
  const store = (place: string): Store => {
    const found = stores.get(place) ?? memoryStore()
    stores.set(place, found)
    return found
  }
  return bendEachPlace(logBackend({ name, runtime: virtualRuntime(), store }), (place) => ({
    transport: (good) => ({
      capabilities: Object.freeze({ ...good.capabilities, durability: 'store' }),
      close: async () => {
        await good.close()
        stores.delete(place)
      },
    }),
  }))
}

function changesItsMind(name: string): TransportBackend {
  const backend = honestLog(name)
  const lying = bendBackend(backend, {
    transport: (good) => ({ capabilities: Object.freeze({ ...good.capabilities, durability: 'broker' }) }),
  })
  return { ...lying, create: backend.create }
}
