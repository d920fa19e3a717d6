import { TidingsError } from '../../kernel/errors.ts'
import type { Host } from '../../store/adapter.ts'
import type { Store } from '../../store/store.ts'
import type { Consumer, Offset, Sink, SubscribeOptions } from '../transport.ts'
import { GroupProgress } from './group-progress.ts'
import { LogConsumer } from './log-consumer.ts'
import { Membership } from './membership.ts'
import { refuseStrangers } from './refuse-strangers.ts'

/**
 * Documents in which the members of groups say that they live, what they own and how far they are: `instances`, `owners`, `progress`. A store is one; so is
 * anything that keeps documents and compares a version before it writes. Here a version need only grow with each put, and be 0
 * where there is none; units need not be atomic beyond one document.
 */
export type GroupDocuments = Pick<Store, 'find' | 'commit' | 'watch'>

/** What one consumer reads, and from where. Delivers to its sink what was requested, until it is stopped. */
export interface LogReading {
  request(count: number): void
  /** Starts partitions, none of which is read yet, each after its offset. */
  start(partitions: readonly number[], offsets: readonly Offset[]): void
  /** Delivers nothing more of a partition. */
  drop(partition: number): void
  /** Ends all reading at once. */
  stop(): void
}

export interface LogGroupsOptions {
  readonly host: Host
  /** Milliseconds for which a member that gives no sign of life keeps its partitions. */
  readonly lease: number
  readonly partitions: number
  /** Where a group keeps its documents. Groups for which it returns the same object are looked after together. */
  readonly documents: (group: string) => GroupDocuments
  /** The end of the log. */
  readonly head: () => Promise<Offset>
  /** Lets groups remember how far they were told to be done, as `TransportCapabilities.remembers` says. Default: whoever reads keeps that. */
  readonly progress?: ProgressOptions
  /** Makes the reading of a new consumer. `failed` is called where it cannot go on; nothing is delivered afterwards. */
  readonly reading: (subscribe: SubscribeOptions, sink: Sink, failed: (cause: Error) => void) => LogReading
}

export interface ProgressOptions {
  /** `relied`: for members that name no store. `all`: for those that do as well, so that what all have passed can be let go. */
  readonly of: 'relied' | 'all'
  /** Which log offsets belong to, for as long as a consumer lives; where it is another than noted, groups begin anew. Default: there is but one. */
  readonly log?: () => string
}

/** The groups of a log: who shares its partitions, under a lease, and what each member's sink is told. */
export interface LogGroups {
  /** See `Transport.subscribe`. Refuses options that are wrong. */
  subscribe(subscribe: SubscribeOptions, sink: Sink): Promise<Consumer>
  /** Ends every consumer, as one ends that cannot go on. */
  end(cause: Error): void
  /** Closes every consumer. */
  close(): Promise<void>
}

export function logGroups(options: LogGroupsOptions): LogGroups {
  const { host, lease, partitions, documents, head, progress, reading } = options
  const consumers = new Set<LogConsumer>()
  /** One is enough, but where one process joins the same group twice each is an instance of its own. */
  const memberships: Membership[] = []

  const membershipFor = (group: string): Membership => {
    const place = documents(group)
    const found = memberships.find((one) => one.documents === place && !one.has(group))
    if (found !== undefined) return found
    const fresh = new Membership({ documents: place, partitions, host, lease })
    memberships.push(fresh)
    return fresh
  }

  const progressOf = (subscribe: SubscribeOptions): GroupProgress | undefined =>
    progress === undefined || (progress.of === 'relied' && subscribe.store !== undefined)
      ? undefined
      : new GroupProgress({ subscribe, documents: documents(subscribe.group), host, log: progress.log?.() })

  return {
    async subscribe(subscribe, sink) {
      check(subscribe)
      const place = documents(subscribe.group)
      if (subscribe.store !== undefined) await refuseStrangers(place, host, lease, subscribe)
      const membership = membershipFor(subscribe.group)
      const progress = progressOf(subscribe)
      const heard = progress === undefined ? sink : noting(sink, progress)
      const consumer = new LogConsumer({
        host,
        partitions,
        subscribe,
        sink: heard,
        membership,
        head,
        progress,
        reading: (failed) => reading(subscribe, heard, failed),
        closed: (gone) => consumers.delete(gone),
      })
      consumers.add(consumer)
      try {
        await membership.join(consumer)
        // Of two that came at one time, unseen by each other, the later one goes.
        await refuseStrangers(place, host, lease, subscribe, (stranger) => stranger < membership.id)
      } catch (error) {
        consumer.begin()
        await consumer.close()
        throw error
      }
      consumer.begin()
      return consumer
    },
    end(cause) {
      for (const consumer of consumers) consumer.end(cause)
    },
    async close() {
      await Promise.all([...consumers].map((consumer) => consumer.close()))
    },
  }
}

/** The sink, with what it is told noted. */
function noting(sink: Sink, progress: GroupProgress): Sink {
  return {
    assigned: (partitions) => sink.assigned(partitions),
    revoked: (partitions) => sink.revoked(partitions),
    lost: (partitions) => sink.lost(partitions),
    ended: (cause) => sink.ended(cause),
    deliver(deliveries) {
      progress.delivered(deliveries)
      sink.deliver(deliveries)
    },
    scanned(partition, offset) {
      progress.scanned(partition, offset)
      sink.scanned(partition, offset)
    },
  }
}

function check({ group, topics, start = 'beginning' }: SubscribeOptions): void {
  if (typeof group !== 'string' || group === '') {
    throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `group` to be a name that is not empty.', {
      details: { field: 'group' },
    })
  }
  if (
    topics !== undefined &&
    (topics.length === 0 || topics.some((topic) => typeof topic !== 'string' || topic === ''))
  ) {
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      'Expected `topics` to be one name or more, none of them empty; leave it out for all.',
      {
        details: { field: 'topics' },
      },
    )
  }
  if (start !== 'beginning' && start !== 'end') {
    throw new TidingsError('TIDINGS_INVALID_OPTION', "Expected `start` to be 'beginning' or 'end'.", {
      details: { field: 'start' },
    })
  }
}
