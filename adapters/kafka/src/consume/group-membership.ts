import { type Log, sleep, TidingsError, within } from 'tidings/spi'

import {
  BrokerError,
  fencedInstance,
  hasMoved,
  illegalGeneration,
  memberIdRequired,
  nameOfError,
  noError,
  rebalanceInProgress,
  unknownMember,
} from '../client/broker-error.ts'
import { type Cluster, pauseAfter } from '../client/cluster.ts'
import type { Topics } from '../topics/topics.ts'
import type { Place } from './assignment.ts'
import { Coordinator } from './coordinator.ts'
import { GroupOffsets } from './group-offsets.ts'
import { groupSplit, refusalOf } from './group-refusals.ts'
import { lead } from './lead.ts'
import { readAssignment, writeSubscription } from './membership-wire.ts'
import { SessionClock } from './session-clock.ts'

const protocolType = 'consumer'

export interface GroupOptions {
  readonly cluster: Cluster
  readonly topics: Topics
  readonly group: string
  readonly exclusive: boolean
  /** Where this member keeps what it hears; members that keep it elsewhere are not let in. */
  readonly store: string | undefined
  /** The topics that are heard. */
  readonly hears: () => readonly string[]
  /** What is still being worked on. */
  readonly owned: () => readonly Place[]
  /** What this member may work on now; the rest it must let go and then call `rejoin`. */
  readonly assigned: (places: readonly Place[]) => void
  /** The session is over: others may work on everything already. */
  readonly lost: () => void
  /** The group does not want this member any more. */
  readonly refused: (error: TidingsError) => void
}

/**
 * Membership in a consumer group, cooperatively: partitions move when their owner has let go, and everybody works on meanwhile. Joins and
 * follows the group's changes until it leaves; where the coordinator is away it tries on, and when the session must be over, says so.
 */
export class GroupMembership {
  readonly #options: GroupOptions
  readonly #coordinator: Coordinator
  readonly #offsets: GroupOffsets
  readonly #session: SessionClock
  readonly #stop = new AbortController()
  readonly #log: Log
  #memberId = ''
  #generation = -1
  #mustJoin = true
  /** Wakes the pause between two heartbeats. */
  #wake: () => void = () => {}

  constructor(options: GroupOptions) {
    this.#options = options
    const { cluster, group } = options
    const { host, settings } = cluster
    this.#log = (level, message, fields) => host.log(level, message, { group, ...fields })
    this.#coordinator = new Coordinator(cluster, group)
    this.#offsets = new GroupOffsets(cluster, this.#coordinator, group)
    this.#session = new SessionClock(host.runtime, settings.sessionTimeout, () => this.#outlived())
  }

  /** Joins; resolves when the group has said what this member works on. Rejects with a coded error where it cannot be joined. */
  async start(): Promise<void> {
    const { cluster } = this.#options
    await cluster.persist('to join its group', cluster.settings.deliveryTimeout, async () => {
      while (this.#mustJoin && !this.#stop.signal.aborted) await this.#join()
    })
    void this.#follow()
  }

  /** Tells the group that something has changed here. */
  rejoin(): void {
    this.#mustJoin = true
    this.#wake()
  }

  /** Writes down at the broker how far partitions are done. Rejects where it does not take it. */
  commit(offsets: ReadonlyMap<Place, number>): Promise<void> {
    return this.#offsets.commit(offsets, { id: this.#memberId, generation: this.#generation })
  }

  /** What the broker knows to be done of partitions; those of which it knows nothing are missing. */
  committed(places: readonly Place[]): Promise<ReadonlyMap<Place, number>> {
    return this.#offsets.committed(places)
  }

  /** Leaves the group so that others take over at once; waits for that so long. Then it is over. Idempotent. */
  async leave(patience: number): Promise<void> {
    if (this.#stop.signal.aborted) return
    this.#end()
    const { cluster, group } = this.#options
    if (this.#memberId !== '') {
      const member = { memberId: this.#memberId, groupInstanceId: null, reason: 'closed' }
      const leaving = this.#coordinator
        .aside()
        .then((connection) => cluster.requests.send(connection, 'leaveGroup', group, [member]))
      await within(cluster.host.runtime, patience, leaving).catch((error: unknown) =>
        this.#log('info', 'The group could not be left; it will notice when the session is over.', { error }),
      )
    }
    this.#coordinator.close()
  }

  /** Ends at once, without a word to the group. */
  abandon(): void {
    this.#end()
    this.#coordinator.close()
  }

  #end(): void {
    this.#stop.abort()
    this.#session.stop()
    this.#wake()
  }

  // Following the group.

  async #follow(): Promise<void> {
    const { settings, host } = this.#options.cluster
    for (let failures = 0; !this.#stop.signal.aborted; ) {
      try {
        if (this.#mustJoin) await this.#join()
        else {
          await this.#pause(settings.heartbeatInterval)
          if (!this.#mustJoin && !this.#stop.signal.aborted) await this.#heartbeat()
        }
        failures = 0
      } catch (error) {
        if (this.#stop.signal.aborted) return
        if (error instanceof TidingsError && error.code === 'TIDINGS_GROUP_SPLIT') {
          this.#options.refused(error)
          return
        }
        const level = failures > 0 ? 'debug' : error instanceof TidingsError ? 'error' : 'info'
        this.#log(level, 'The coordinator of a consumer group cannot be asked now; trying on.', { error })
        this.#coordinator.forget()
        await sleep(host.runtime, pauseAfter(failures++, host.runtime.random()), this.#stop.signal).catch(() => {})
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.cluster.host.runtime.setTimer(ms, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
      if (this.#stop.signal.aborted || this.#mustJoin) this.#wake()
    })
  }

  async #heartbeat(): Promise<void> {
    const { cluster, group } = this.#options
    const began = cluster.host.runtime.monotonic()
    const connection = await this.#coordinator.connection()
    const { requests } = cluster
    const { errorCode } = await requests.send(connection, 'heartbeat', group, this.#generation, this.#memberId, null)
    if (errorCode === noError || errorCode === rebalanceInProgress) this.#session.heard(began)
    if (errorCode !== noError) this.#obey(errorCode, 'a heartbeat')
  }

  async #join(): Promise<void> {
    const { runtime } = this.#options.cluster.host
    const began = runtime.monotonic()
    this.#mustJoin = false
    this.#session.wait()
    try {
      const places = await this.#negotiate()
      if (places === undefined || this.#stop.signal.aborted) return
      this.#session.heard(runtime.monotonic())
      this.#options.assigned(places)
    } catch (error) {
      this.#mustJoin = true
      this.#coordinator.forget()
      throw error
    } finally {
      this.#session.go(began)
    }
  }

  /** Joins and waits for the leader's decision; undefined where the group wants us to begin again. */
  async #negotiate(): Promise<readonly Place[] | undefined> {
    const { cluster, topics, group, exclusive, store, hears, owned } = this.#options
    const { requests, settings, client } = cluster
    const connection = await this.#coordinator.connection()
    const said = { topics: hears(), owned: owned(), generation: this.#generation, store }
    const protocol = exclusive ? 'tidings-exclusive' : 'tidings-shared'
    const joined = await requests.send(
      connection,
      'joinGroup',
      group,
      settings.sessionTimeout,
      settings.rebalanceTimeout,
      this.#memberId,
      null,
      protocolType,
      [{ name: protocol, metadata: writeSubscription(client, said) }],
      '',
    )
    if (this.#stop.signal.aborted) return undefined
    if (joined.errorCode === memberIdRequired) this.#memberId = joined.memberId
    if (joined.errorCode !== noError) return this.#obey(joined.errorCode, 'a member that joins')
    this.#memberId = joined.memberId
    this.#generation = joined.generationId
    const leads = joined.leader === joined.memberId
    const assignments = leads ? await lead(cluster, topics, exclusive, joined.members) : []
    const synced = await requests.send(
      connection,
      'syncGroup',
      group,
      this.#generation,
      this.#memberId,
      null,
      protocolType,
      protocol,
      assignments,
    )
    if (this.#stop.signal.aborted) return undefined
    if (synced.errorCode !== noError) return this.#obey(synced.errorCode, 'a member that joins')
    const { places, split } = readAssignment(client, synced.assignment)
    if (split) throw groupSplit(group)
    return places
  }

  /** Does what an error of the coordinator asks for. Throws where that is to try again later, or nothing can be done. */
  #obey(error: number, asked: string): undefined {
    this.#mustJoin = true
    if (error === rebalanceInProgress || error === memberIdRequired) return
    if (error === unknownMember || error === fencedInstance) this.#memberId = ''
    if (error === unknownMember || error === fencedInstance || error === illegalGeneration) {
      this.#lose(`the coordinator says ${nameOfError(error)}`)
      return
    }
    if (hasMoved(error)) this.#coordinator.forget()
    throw refusalOf(error, this.#options.group) ?? new BrokerError(error, asked)
  }

  #outlived(): void {
    this.#mustJoin = true
    this.#lose('the coordinator has not answered for as long as a session lasts')
    // A heartbeat may hang that nobody will ever answer.
    this.#coordinator.hangUp()
    this.#wake()
  }

  #lose(why: string): void {
    this.#session.stop()
    if (this.#generation === -1) return
    this.#generation = -1
    this.#log('warn', 'The membership in a consumer group has ended; joining again.', { why })
    this.#options.lost()
  }
}
