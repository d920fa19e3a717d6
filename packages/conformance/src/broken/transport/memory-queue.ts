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
  /** Declares an order: one member of a group has all, and what comes again comes in its place. No fault. */
  readonly ordered?: boolean
  /** Declared or not: what comes again comes behind what waits. */
  readonly returnsLate?: boolean
  /** What a member held when it left or died comes again, the last first. */
  readonly returnsReversed?: boolean
  /** A group hears for ever what its first member wanted. */
  readonly keepsTopics?: boolean
  /** Settling for the second time gives back what was done. */
  readonly minds?: boolean
  /** What is settled `again` is gone. */
  readonly dropsAgain?: boolean
  /** What is settled `done` comes again once. */
  readonly repeatsDone?: boolean
  /** What a member held when it left or died is gone. */
  readonly losesUnsettled?: boolean
}

/** An event in a queue, by its place in it. */
interface Waiting {
  readonly place: number
  readonly record: EventRecord
}

interface Member {
  readonly sink: Sink
  readonly transport: object
  readonly held: Map<Delivery, Waiting>
  readonly done: Map<Delivery, Waiting>
  credit: number
}

interface Group {
  topics: readonly string[] | undefined
  readonly waiting: Waiting[]
  readonly members: Member[]
  turn: number
  places: number
  /** Something was given back: the rest waits until all that was handed over is settled. */
  frozen: boolean
}

/** A small queue a group: each delivery goes to one member and is settled by itself; nothing is ordered unless it is asked for. */
export function queueBackend(name: string, faults: QueueFaults = {}): TransportBackend {
  const places = new Map<string, Map<string, Group>>()
  const leave = (groups: Map<string, Group>, gone: (member: Member) => boolean): void => {
    for (const group of groups.values()) {
      for (const member of group.members.filter(gone)) {
        group.members.splice(group.members.indexOf(member), 1)
        const unsettled = [...member.held.values()]
        if (faults.returnsReversed === true) unsettled.reverse()
        if (faults.losesUnsettled !== true) group.waiting.unshift(...unsettled)
        member.held.clear()
        group.frozen = false
      }
      pump(group, faults)
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
        ordering: faults.ordered === true ? 'stream' : 'none',
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
            if (group.topics?.includes(record.category) ?? true) group.waiting.push({ place: group.places++, record })
            pump(group, faults)
          }
          return { status: 'stored' }
        })
      },
      async subscribe({ group: called, topics }, sink) {
        assertOpen()
        const group = groups.get(called) ?? { topics, waiting: [], members: [], turn: 0, places: 0, frozen: false }
        groups.set(called, group)
        if (group.members.length === 0 && faults.keepsTopics !== true) group.topics = topics
        const member: Member = { sink, transport, held: new Map(), done: new Map(), credit: 0 }
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

function pump(group: Group, faults: QueueFaults): void {
  queueMicrotask(() => {
    for (let idle = 0; group.waiting.length > 0 && !group.frozen && idle < group.members.length; ) {
      const turn = faults.ordered === true ? 0 : group.turn++ % group.members.length
      const member = group.members[turn] as Member
      if (member.credit === 0) {
        if (faults.ordered === true) return
        idle++
        continue
      }
      idle = 0
      const waiting = group.waiting.shift() as Waiting
      const { record } = waiting
      const delivery: Delivery = { partition: 0, offset: 0, stream: streamText(record), record }
      member.credit--
      member.held.set(delivery, waiting)
      member.sink.deliver([delivery])
    }
  })
}

function giveBack(group: Group, waiting: Waiting, faults: QueueFaults): void {
  const behind = group.waiting.findIndex(({ place }) => place > waiting.place)
  if (faults.ordered !== true || faults.returnsLate === true || behind === -1) group.waiting.push(waiting)
  else group.waiting.splice(behind, 0, waiting)
}

function consumerOf(group: Group, member: Member, faults: QueueFaults, leave: () => void): Consumer {
  return {
    request(count) {
      member.credit += count
      pump(group, faults)
    },
    done() {},
    settle(delivery, how) {
      const waiting = member.held.get(delivery)
      const before = member.done.get(delivery)
      member.held.delete(delivery)
      if (faults.minds === true && before !== undefined) giveBack(group, before, faults)
      if (waiting === undefined) return
      member.done.set(delivery, waiting)
      const again = how === 'again' ? faults.dropsAgain !== true : faults.repeatsDone === true && group.turn % 7 === 0
      if (again) giveBack(group, waiting, faults)
      group.frozen = faults.ordered === true && faults.returnsLate !== true && (group.frozen || again)
      if (member.held.size === 0) group.frozen = false
      pump(group, faults)
    },
    seek() {
      throw new TidingsError('TIDINGS_NOT_SUPPORTED', 'A queue has no past to seek.')
    },
    async close() {
      leave()
    },
  }
}
