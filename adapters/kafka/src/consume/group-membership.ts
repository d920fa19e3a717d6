import type { Connection } from '@platformatic/kafka'
import { type Log, sleep, TidingsError, type Timer, within } from 'tidings/spi'

import {
  BrokerError,
  fencedInstance,
  hasMoved,
  illegalGeneration,
  inconsistentProtocol,
  memberIdRequired,
  nameOfError,
  noError,
  rebalanceInProgress,
  unknownMember,
} from '../client/broker-error.ts'
import { type Cluster, pauseAfter } from '../client/cluster.ts'
import type { Broker, Connections } from '../client/connections.ts'
import type { Topics } from '../topics/topics.ts'
import { assign, type Joining, type Place } from './assignment.ts'
import {
  byTopic,
  placeOf,
  readAssignment,
  readSubscription,
  writeAssignment,
  writeSubscription,
} from './membership-wire.ts'

const groupKind = 0
const protocolType = 'consumer'

/** Errors of a join that repeating does not mend, and what to do about each. */
const final: ReadonlyMap<number, string> = new Map([
  [
    inconsistentProtocol,
    'other members of the group share their partitions in another way; is one exclusive and the other not?',
  ],
  [24, 'its name is not allowed'],
  [
    26,
    'the broker does not allow this `sessionTimeout`; see its group.min.session.timeout.ms and group.max.session.timeout.ms',
  ],
  [30, 'this user may not read in it; see the ACLs of the group'],
  [81, 'it has as many members as the broker allows'],
])

export interface GroupOptions {
  readonly cluster: Cluster
  readonly topics: Topics
  readonly group: string
  readonly exclusive: boolean
  /** The topics that are heard. */
  readonly hears: () => readonly string[]
  /** What is still being worked on. */
  readonly owned: () => readonly Place[]
  /** What this member may work on now; the rest it must let go and then call `rejoin`. */
  readonly assigned: (places: readonly Place[]) => void
  /** The session is over: others may work on everything already. */
  readonly lost: () => void
}

/**
 * Membership in a consumer group, cooperatively: partitions move when their owner has let go, and everybody works on meanwhile. Joins and
 * follows the group's changes until it leaves; where the coordinator is away it tries on, and when the session must be over, says so.
 */
export class GroupMembership {
  readonly #options: GroupOptions
  #connections: Connections
  readonly #stop = new AbortController()
  readonly #log: Log
  #coordinator: Broker | undefined
  #memberId = ''
  #generation = -1
  #mustJoin = true
  #joining = false
  /** Wakes the pause between two heartbeats. */
  #wake: () => void = () => {}
  /** Monotonic milliseconds of the last request that the coordinator has answered well. */
  #contact = 0
  #session: Timer | undefined

  constructor(options: GroupOptions) {
    this.#options = options
    const { host } = options.cluster
    this.#log = (level, message, fields) => host.log(level, message, { group: options.group, ...fields })
    this.#connections = this.#connect()
  }

  #connect(): Connections {
    const { rebalanceTimeout, requestTimeout } = this.#options.cluster.settings
    return this.#options.cluster.connections(rebalanceTimeout + requestTimeout)
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
  async commit(offsets: ReadonlyMap<Place, number>): Promise<void> {
    if (offsets.size === 0 || this.#memberId === '') return
    const topics = byTopic([...offsets.keys()]).map(({ topic, partitions }) => ({
      name: topic,
      partitions: partitions.map((partition) => ({
        partitionIndex: partition,
        committedOffset: BigInt(offsets.get(placeOf(topic, partition)) ?? 0),
        committedLeaderEpoch: -1,
        committedMetadata: null,
      })),
    }))
    const connection = await this.#aside()
    const { requests } = this.#options.cluster
    const answer = await requests.send(
      connection,
      'offsetCommit',
      this.#options.group,
      this.#generation,
      this.#memberId,
      null,
      topics,
    )
    for (const { partitions } of answer.topics)
      for (const { errorCode } of partitions) if (errorCode !== noError) throw this.#failed(errorCode, 'offsets')
  }

  /** What the broker knows to be done of partitions; those of which it knows nothing are missing. */
  async committed(places: readonly Place[]): Promise<ReadonlyMap<Place, number>> {
    const topics = byTopic(places).map(({ topic, partitions }) => ({ name: topic, partitionIndexes: partitions }))
    const { requests } = this.#options.cluster
    const ask = [{ groupId: this.#options.group, memberId: null, memberEpoch: -1, topics }]
    const { groups } = await requests.send(await this.#aside(), 'offsetFetch', ask, true)
    const found = new Map<Place, number>()
    for (const { errorCode, topics: answered } of groups) {
      if (errorCode !== noError) throw this.#failed(errorCode, 'a question about offsets')
      for (const { name, partitions } of answered) {
        for (const { partitionIndex, committedOffset, errorCode: error } of partitions) {
          if (error !== noError) throw this.#failed(error, 'a question about offsets')
          if (committedOffset >= 0n) found.set(placeOf(name, partitionIndex), Number(committedOffset))
        }
      }
    }
    return found
  }

  /** Leaves the group so that others take over at once; waits for that so long. Then it is over. Idempotent. */
  async leave(patience: number): Promise<void> {
    if (this.#stop.signal.aborted) return
    this.#end()
    const { cluster, group } = this.#options
    if (this.#memberId !== '') {
      const leaving = this.#aside().then((connection) =>
        cluster.requests.send(connection, 'leaveGroup', group, [
          { memberId: this.#memberId, groupInstanceId: null, reason: 'closed' },
        ]),
      )
      await within(cluster.host.runtime, patience, leaving).catch((error: unknown) =>
        this.#log('info', 'The group could not be left; it will notice when the session is over.', { error }),
      )
    }
    this.abandon()
  }

  /** Ends at once, without a word to the group. */
  abandon(): void {
    this.#end()
    this.#options.cluster.release(this.#connections)
  }

  #end(): void {
    this.#stop.abort()
    this.#session?.cancel()
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
        const level = error instanceof TidingsError ? 'error' : failures === 0 ? 'info' : 'debug'
        this.#log(level, 'The coordinator of a consumer group cannot be asked now; trying on.', { error })
        this.#coordinator = undefined
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
    const connection = await this.#connection()
    const { errorCode } = await cluster.requests.send(
      connection,
      'heartbeat',
      group,
      this.#generation,
      this.#memberId,
      null,
    )
    if (errorCode === noError || errorCode === rebalanceInProgress) this.#heard(began)
    if (errorCode !== noError) this.#obey(errorCode, 'a heartbeat')
  }

  async #join(): Promise<void> {
    const { cluster, group, exclusive, hears, owned } = this.#options
    const { requests, settings, client, host } = cluster
    const began = host.runtime.monotonic()
    this.#mustJoin = false
    this.#joining = true
    try {
      const connection = await this.#connection()
      const metadata = writeSubscription(client, { topics: hears(), owned: owned(), generation: this.#generation })
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
        [{ name: protocol, metadata }],
        '',
      )
      if (this.#stop.signal.aborted) return
      if (joined.errorCode === memberIdRequired) this.#memberId = joined.memberId
      if (joined.errorCode !== noError) {
        this.#obey(joined.errorCode, 'a member that joins')
        return
      }
      this.#memberId = joined.memberId
      this.#generation = joined.generationId
      const assignments = joined.leader === joined.memberId ? await this.#lead(joined.members) : []
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
      if (this.#stop.signal.aborted) return
      if (synced.errorCode !== noError) {
        this.#obey(synced.errorCode, 'a member that joins')
        return
      }
      this.#heard(host.runtime.monotonic())
      this.#options.assigned(readAssignment(client, synced.assignment))
    } catch (error) {
      this.#mustJoin = true
      this.#coordinator = undefined
      throw error
    } finally {
      this.#joining = false
      // While it waited for the others the session could not end; if that failed, it may have.
      if (this.#mustJoin) this.#watch(began)
    }
  }

  /** As the leader: who works on what. */
  async #lead(
    members: readonly { memberId: string; metadata: Buffer }[],
  ): Promise<{ memberId: string; assignment: Buffer }[]> {
    const { cluster, topics, exclusive } = this.#options
    const joining: Joining[] = members.map(({ memberId, metadata }) => {
      try {
        return readSubscription(cluster.client, memberId, metadata)
      } catch (error) {
        this.#log('warn', 'A member of the group says what nobody understands; it gets no partitions.', {
          member: memberId,
          error,
        })
        return { id: memberId, topics: [], owned: [], generation: -1 }
      }
    })
    await topics.look([...new Set(joining.flatMap((one) => one.topics))])
    const assignment = assign(joining, (topic) => topics.state(topic)?.partitions.length ?? 0, exclusive)
    return [...assignment].map(([memberId, places]) => ({
      memberId,
      assignment: writeAssignment(cluster.client, places),
    }))
  }

  /** Does what an error of the coordinator asks for. Throws where that is to try again later, or nothing can be done. */
  #obey(error: number, asked: string): void {
    this.#mustJoin = true
    if (error === rebalanceInProgress || error === memberIdRequired) return
    if (error === unknownMember || error === fencedInstance) this.#memberId = ''
    if (error === unknownMember || error === fencedInstance || error === illegalGeneration) {
      this.#lose(`the coordinator says ${nameOfError(error)}`)
      return
    }
    if (hasMoved(error)) this.#coordinator = undefined
    throw this.#failed(error, asked)
  }

  #failed(error: number, asked: string): Error {
    const advice = final.get(error)
    if (advice === undefined) return new BrokerError(error, asked)
    const code =
      error === 26
        ? 'TIDINGS_INVALID_OPTION'
        : error === inconsistentProtocol
          ? 'TIDINGS_CONFLICT'
          : 'TIDINGS_NOT_SUPPORTED'
    return new TidingsError(code, `Kafka does not let us into the group ${this.#options.group}: ${advice}.`, {
      cause: new BrokerError(error, asked),
      details: { group: this.#options.group, error: nameOfError(error) },
    })
  }

  // The session.

  /** The coordinator has answered a request that was sent at this time. */
  #heard(at: number): void {
    this.#contact = at
    this.#watch(at)
  }

  /** Sees to it that the end of the session is noticed without the coordinator's help. */
  #watch(since: number): void {
    if (this.#stop.signal.aborted || this.#generation === -1) return
    const { settings, host } = this.#options.cluster
    this.#session?.cancel()
    const left = Math.max(this.#contact, since) + settings.sessionTimeout - host.runtime.monotonic()
    this.#session = host.runtime.setTimer(Math.max(0, Math.ceil(left)), () => {
      if (this.#joining) return
      this.#mustJoin = true
      this.#lose('the coordinator has not answered for as long as a session lasts')
      // A heartbeat may hang that nobody will ever answer.
      this.#options.cluster.release(this.#connections)
      this.#connections = this.#connect()
      this.#wake()
    })
  }

  #lose(why: string): void {
    this.#session?.cancel()
    if (this.#generation === -1) return
    this.#generation = -1
    this.#log('warn', 'The membership in a consumer group has ended; joining again.', { why })
    this.#options.lost()
  }

  // The coordinator.

  async #connection(): Promise<Connection> {
    return this.#connections.to(this.#coordinator ?? (await this.#find()))
  }

  /** A connection on which no join is being waited for. */
  async #aside(): Promise<Connection> {
    const { cluster } = this.#options
    return cluster.own.to(this.#coordinator ?? (await this.#find()))
  }

  async #find(): Promise<Broker> {
    const { cluster, group } = this.#options
    const { coordinators } = await cluster.requests.send(await cluster.anyone(), 'findCoordinator', groupKind, [group])
    const [found] = coordinators
    if (found === undefined || found.errorCode !== noError) {
      const error = found?.errorCode ?? -1
      if (final.has(error)) throw this.#failed(error, 'who looks for its coordinator')
      throw new BrokerError(error, 'who looks for the coordinator of a group')
    }
    this.#coordinator = { host: found.host, port: found.port }
    return this.#coordinator
  }
}
