import {
  type Consumer,
  type Delivery,
  type EventRecord,
  type Sink,
  streamText,
  TidingsError,
  type Transport,
} from 'tidings/spi'

import type { TransportBackend } from '../../transport/transport-world.ts'
import { noTime } from '../store/decorate.ts'

interface Listener {
  readonly group: string
  readonly sink: Sink
  readonly topics: readonly string[] | undefined
  readonly waiting: Delivery[]
  credit: number
  open: boolean
}

/** How a fan-out may fail; the honest one does none of it. */
export interface FanoutFaults {
  /** Who comes later hears what was before. */
  readonly remembers?: boolean
  /** Of the members of a group only the first hears. */
  readonly shares?: boolean
  /** Takes exclusive subscriptions as if they were none. */
  readonly takesExclusive?: boolean
  /** What somebody has not asked for yet is lost to him. */
  readonly impatient?: boolean
}

/** A small fan-out: whoever listens now hears everything, and nobody hears later. */
export function fanoutBackend(name: string, faults: FanoutFaults = {}): TransportBackend {
  const places = new Map<string, { listeners: Set<Listener>; past: EventRecord[] }>()
  const open = (place: string): Transport => {
    const room = places.get(place) ?? { listeners: new Set<Listener>(), past: [] }
    places.set(place, room)
    const own = new Set<Consumer>()
    let closed = false
    const assertOpen = (): void => {
      if (closed) throw new TidingsError('TIDINGS_CLOSED', 'The fan-out is closed.')
    }
    return {
      capabilities: Object.freeze({
        name: 'fanout',
        kind: 'fanout',
        durability: 'memory',
        groups: false,
        ordering: 'stream',
        redelivery: false,
        replay: false,
        maxBytes: 1_000_000_000,
        partitions: 1,
      }),
      async publish(batch, signal) {
        assertOpen()
        if (signal?.aborted === true) return batch.map(() => ({ status: 'unknown', error: signal.reason as Error }))
        room.past.push(...batch)
        for (const listener of room.listeners) {
          if (faults.impatient !== true || listener.credit > 0) for (const record of batch) hear(listener, record)
        }
        return batch.map(() => ({ status: 'stored' }))
      },
      async subscribe({ group, topics, exclusive }, sink) {
        assertOpen()
        if (exclusive === true && faults.takesExclusive !== true)
          throw new TidingsError('TIDINGS_NOT_SUPPORTED', 'A fan-out has no groups.')
        const taken = faults.shares === true && [...room.listeners].some((one) => one.group === group)
        const listener: Listener = { group, sink, topics, waiting: [], credit: 0, open: true }
        if (!taken) room.listeners.add(listener)
        if (faults.remembers === true) for (const record of room.past) hear(listener, record)
        const consumer = consumerOf(listener, () => room.listeners.delete(listener))
        own.add(consumer)
        return consumer
      },
      async close() {
        closed = true
        for (const consumer of own) await consumer.close()
      },
    }
  }
  return { name, create: open, reopen: open, remove: (place) => void places.delete(place), advance: noTime }
}

function hear(listener: Listener, record: EventRecord): void {
  if (listener.topics !== undefined && !listener.topics.includes(record.category)) return
  listener.waiting.push({ partition: 0, offset: 0, stream: streamText(record), record })
  pump(listener)
}

function pump(listener: Listener): void {
  queueMicrotask(() => {
    if (!listener.open) return
    const ready = listener.waiting.splice(0, listener.credit)
    listener.credit -= ready.length
    if (ready.length > 0) listener.sink.deliver(ready)
  })
}

function consumerOf(listener: Listener, gone: () => void): Consumer {
  return {
    request(count) {
      listener.credit += count
      pump(listener)
    },
    done() {},
    settle() {},
    seek() {
      throw new TidingsError('TIDINGS_NOT_SUPPORTED', 'A fan-out has no past to seek.')
    },
    async close() {
      listener.open = false
      gone()
    },
  }
}
