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

/** How a queue may fail; the honest one does none of it. */
export interface QueueFaults {
  /** What is settled `again` is gone. */
  readonly dropsAgain?: boolean
  /** What is settled `done` comes again once. */
  readonly repeatsDone?: boolean
  /** What a member held when it left or died is gone. */
  readonly losesUnsettled?: boolean
}

interface Member {
  readonly sink: Sink
  readonly transport: object
  readonly held: Map<Delivery, EventRecord>
  credit: number
}

interface Group {
  readonly topics: readonly string[] | undefined
  readonly waiting: EventRecord[]
  readonly members: Member[]
  turn: number
}

/** A small queue a group: each delivery goes to one member and is settled by itself; nothing is ordered. */
export function queueBackend(name: string, faults: QueueFaults = {}): TransportBackend {
  const places = new Map<string, Map<string, Group>>()
  const leave = (groups: Map<string, Group>, gone: (member: Member) => boolean): void => {
    for (const group of groups.values()) {
      for (const member of group.members.filter(gone)) {
        group.members.splice(group.members.indexOf(member), 1)
        if (faults.losesUnsettled !== true) group.waiting.unshift(...member.held.values())
        member.held.clear()
      }
      pump(group)
    }
  }
  const open = (place: string): Transport => {
    const groups = places.get(place) ?? new Map<string, Group>()
    places.set(place, groups)
    let closed = false
    const assertOpen = (): void => {
      if (closed) throw new TidingsError('TIDINGS_CLOSED', 'The queue is closed.')
    }
    const transport: Transport = {
      capabilities: Object.freeze({
        name: 'queue',
        kind: 'queue',
        durability: 'broker',
        groups: true,
        ordering: 'none',
        redelivery: true,
        replay: false,
        maxBytes: 400_000,
        partitions: 1,
      }),
      async publish(batch, signal) {
        assertOpen()
        if (signal?.aborted === true) return batch.map(() => ({ status: 'unknown', error: signal.reason as Error }))
        return batch.map((record) => {
          if (record.data.length > 400_000)
            return {
              status: 'refused',
              error: new TidingsError('TIDINGS_TOO_LARGE', 'The event is too large for the queue.'),
            }
          for (const group of groups.values()) {
            if (group.topics?.includes(record.category) ?? true) group.waiting.push(record)
            pump(group)
          }
          return { status: 'stored' }
        })
      },
      async subscribe({ group: called, topics }, sink) {
        assertOpen()
        const group = groups.get(called) ?? { topics, waiting: [], members: [], turn: 0 }
        groups.set(called, group)
        const member: Member = { sink, transport, held: new Map(), credit: 0 }
        group.members.push(member)
        return consumerOf(group, member, faults, () => leave(groups, (one) => one === member))
      },
      async close() {
        closed = true
        leave(groups, (member) => member.transport === transport)
      },
    }
    return transport
  }
  return {
    name,
    create: open,
    reopen: open,
    crash: (transport, place) => leave(places.get(place) ?? new Map(), (member) => member.transport === transport),
    remove: (place) => void places.delete(place),
    advance: noTime,
  }
}

function pump(group: Group): void {
  queueMicrotask(() => {
    for (let idle = 0; group.waiting.length > 0 && idle < group.members.length; ) {
      const member = group.members[group.turn++ % group.members.length] as Member
      if (member.credit === 0) {
        idle++
        continue
      }
      idle = 0
      const record = group.waiting.shift() as EventRecord
      const delivery: Delivery = { partition: 0, offset: 0, stream: streamText(record), record }
      member.credit--
      member.held.set(delivery, record)
      member.sink.deliver([delivery])
    }
  })
}

function consumerOf(group: Group, member: Member, faults: QueueFaults, leave: () => void): Consumer {
  return {
    request(count) {
      member.credit += count
      pump(group)
    },
    done() {},
    settle(delivery, how) {
      const record = member.held.get(delivery)
      member.held.delete(delivery)
      const again = how === 'again' ? faults.dropsAgain !== true : faults.repeatsDone === true && group.turn % 7 === 0
      if (record !== undefined && again) group.waiting.push(record)
      pump(group)
    },
    seek() {
      throw new TidingsError('TIDINGS_NOT_SUPPORTED', 'A queue has no past to seek.')
    },
    async close() {
      leave()
    },
  }
}
