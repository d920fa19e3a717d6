import type { Consumer, Delivery, EventRecord, Offset, Sink, SubscribeOptions, Transport } from 'tidings/spi'

import { eventually, type Patience } from '../suite/eventually.ts'
import type { TransportWorld } from './transport-world.ts'

/** How a member of a group behaves, where it differs from the obedient one. */
export interface MemberOptions extends Omit<SubscribeOptions, 'group'> {
  readonly group?: string
  /** Deliveries allowed at first; `always` (default): as many as it handles. */
  readonly request?: number | 'always'
  /** What the group has done so far, by partition; members that share it continue where the others ended. */
  readonly progress?: Map<number, Offset>
  /** Whether it knows no offset of any partition, and says so. */
  readonly ignorant?: boolean
  /** Whether it says that each delivery is done. Default true. */
  readonly settles?: boolean
  /** Called for each delivery, after it was noted. */
  readonly onDelivery?: (delivery: Delivery, member: Member) => void
  /** Awaited before `assigned` resolves. */
  readonly beforeAssigned?: (partitions: readonly number[]) => Promise<void>
  /** Awaited before `revoked` resolves. */
  readonly beforeRevoked?: (partitions: readonly number[]) => Promise<void>
}

/**
 * The categories of all events that the cases publish. Where topics have partitions of their own, whoever opens a new place makes
 * these: who hears all topics owns their partitions before the first event.
 */
export const suiteTopics: readonly string[] = ['order', 'customer', 'order-line', 'orde', 'nothing']

/** What a consumer did that its port forbids. */
export type Offence = 'calls' | 'owners' | 'credit' | 'assigned' | 'offsets' | 'scanned' | 'ended'

/** An engine in miniature: it obeys the port, notes what it is told, and what breaks the port's word. */
export interface Member {
  readonly consumer: Consumer
  /** The categories it named; undefined: all. */
  readonly topics: readonly string[] | undefined
  readonly deliveries: Delivery[]
  /** Partitions that `assigned` has resolved for and that are neither revoked nor lost. */
  readonly owned: Set<number>
  readonly scanned: Map<number, Offset>
  readonly offences: { readonly kind: Offence; readonly what: string }[]
  readonly told: string[]
  readonly progress: Map<number, Offset>
  request(count: number): void
  /** Starts a partition over: older offsets are expected from then on. */
  seek(partition: number, offset: Offset): void
}

/** Who works on which partition, for members that share their progress. */
const working = new WeakMap<Map<number, Offset>, Map<number, Member>>()

export async function joinGroup(
  world: TransportWorld,
  transport: Transport,
  options: MemberOptions = {},
): Promise<Member> {
  const { group = 'group', topics, exclusive, start, store, request = 'always', settles = true } = options
  const { kind } = transport.capabilities
  const last = new Map<number, Offset>()
  let credit = 0
  let owed = 0
  /** Stands in until `subscribe` has answered; a transport that delivers so early offends, and must not trip. */
  const early: Consumer = {
    request: (count) => void (owed += count),
    done: () => {},
    settle: () => {},
    seek: () => {},
    close: () => Promise.resolve(),
  }
  const member: Member & { consumer: Consumer } = {
    consumer: early,
    topics,
    deliveries: [],
    owned: new Set(),
    scanned: new Map(),
    offences: [],
    told: [],
    progress: options.progress ?? new Map<number, Offset>(),
    request(count) {
      credit += count
      member.consumer.request(count)
    },
    seek(partition, offset) {
      last.set(partition, offset)
      member.scanned.delete(partition)
      member.consumer.seek(partition, offset)
    },
  }
  const offend = (kind: Offence, what: string): void => void member.offences.push({ kind, what })
  let calling: string | undefined
  const owners = working.get(member.progress) ?? new Map<number, Member>()
  working.set(member.progress, owners)

  /** Notes a call and whether another one is still under way. */
  const called = (name: string): void => {
    if (calling !== undefined) offend('calls', `${name} was called during ${calling}`)
    member.told.push(name)
  }
  const during = async (name: string, wait: Promise<void> | undefined): Promise<void> => {
    calling = name
    try {
      await wait
    } finally {
      calling = undefined
    }
  }

  const sink: Sink = {
    async assigned(partitions) {
      called(`assigned ${partitions.join()}`)
      await during('assigned', options.beforeAssigned?.(partitions))
      for (const partition of partitions) {
        if (member.owned.has(partition)) offend('assigned', `partition ${partition} was assigned twice`)
        if (owners.has(partition)) offend('owners', `partition ${partition} was assigned while another worked on it`)
        owners.set(partition, member)
        member.owned.add(partition)
        last.set(partition, member.progress.get(partition) ?? 0)
      }
      return partitions.map((partition) => (options.ignorant === true ? -1 : (member.progress.get(partition) ?? 0)))
    },
    async revoked(partitions) {
      called(`revoked ${partitions.join()}`)
      for (const partition of partitions) {
        if (!member.owned.delete(partition)) offend('assigned', `partition ${partition} was revoked but not owned`)
      }
      await during('revoked', options.beforeRevoked?.(partitions))
      for (const partition of partitions) if (owners.get(partition) === member) owners.delete(partition)
    },
    lost(partitions) {
      called(`lost ${partitions.join()}`)
      for (const partition of partitions) {
        member.owned.delete(partition)
        if (owners.get(partition) === member) owners.delete(partition)
      }
    },
    deliver(deliveries) {
      // An assignment of other partitions may be under way meanwhile; what is forbidden is a delivery of those.
      credit -= deliveries.length
      if (credit < 0) offend('credit', `${-credit} more than requested`)
      for (const delivery of deliveries) {
        const { partition, offset } = delivery
        if (kind === 'log') {
          if (!member.owned.has(partition))
            offend('assigned', `a delivery of partition ${partition}, which is not owned`)
          if (offset <= (last.get(partition) ?? 0))
            offend('offsets', `offset ${offset} after ${last.get(partition)} in ${partition}`)
          if (offset <= (member.scanned.get(partition) ?? 0)) offend('scanned', `offset ${offset} was declared scanned`)
          last.set(partition, offset)
        }
        member.deliveries.push(delivery)
        if (settles) finish(member, delivery, kind)
        options.onDelivery?.(delivery, member)
      }
      if (request === 'always') member.request(deliveries.length)
    },
    scanned(partition, offset) {
      if (offset < (member.scanned.get(partition) ?? 0))
        offend('scanned', `scanned fell from ${member.scanned.get(partition)} to ${offset}`)
      member.scanned.set(partition, offset)
    },
    ended(cause) {
      called('ended')
      offend('ended', cause.message)
    },
  }
  const subscribe = {
    group,
    ...(topics && { topics }),
    ...(exclusive !== undefined && { exclusive }),
    ...(start && { start }),
    ...(store !== undefined && { store }),
  }
  member.consumer = await world.end(transport.subscribe(subscribe, sink), 'subscribe')
  if (owed > 0) member.consumer.request(owed)
  member.request(request === 'always' ? 64 : request)
  return member
}

function finish({ consumer, progress }: Member, delivery: Delivery, kind: string): void {
  const { partition, offset } = delivery
  if (kind === 'queue') consumer.settle(delivery, 'done')
  else {
    progress.set(partition, Math.max(offset, progress.get(partition) ?? 0))
    if (kind === 'log') consumer.done(partition, offset)
  }
}

export function heard(member: { readonly deliveries: readonly Delivery[] }): string[] {
  return member.deliveries.map((delivery) => delivery.record?.id ?? 'unreadable')
}

/** Waits until members together have heard these events, each at least once. */
export async function allHear(
  world: TransportWorld,
  members: readonly Member[],
  events: readonly EventRecord[],
  patience: Patience = world.patience,
): Promise<void> {
  await eventually(() => {
    const known = new Set(members.flatMap(heard))
    const missing = events.filter((one) => !known.has(one.id)).length
    if (missing > 0) throw new Error(`${missing} of ${events.length} events were not heard.`)
  }, patience)
}

/** Waits until the members own all partitions between them; a transport that is no log knows them once they have subscribed. */
export async function allOwned(
  world: TransportWorld,
  members: readonly Member[],
  patience: Patience = world.patience,
): Promise<void> {
  const { partitions, topicPartitions, kind } = world.transport.capabilities
  if (kind !== 'log') return
  const topics = topicPartitions === true ? (members[0]?.topics ?? suiteTopics).length : 1
  await eventually(() => {
    const owned = members.reduce((sum, member) => sum + member.owned.size, 0)
    if (owned !== partitions * topics) throw new Error(`${owned} of ${partitions * topics} partitions have an owner.`)
  }, patience)
}

export function offencesOf(members: readonly Member[], ...kinds: readonly Offence[]): string[] {
  return members.flatMap((member) => member.offences.filter(({ kind }) => kinds.includes(kind)).map(({ what }) => what))
}
