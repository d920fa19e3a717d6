import {
  type Consumer,
  type Delivery,
  type Host,
  type Sink,
  SinkCalls,
  TidingsError,
  type Timer,
  within,
} from 'tidings/spi'

import { brokerError, closedError, isForGood, reasonOf } from '../connection/broker-error.ts'
import type { Link } from '../connection/link.ts'
import { Upkeep } from '../connection/upkeep.ts'
import type { RabbitmqSettings } from '../rabbitmq-options.ts'
import { enterGroup } from '../topology/group.ts'
import type { GroupNames, Names } from '../topology/names.ts'
import { HandOver } from './hand-over.ts'
import { Membership } from './membership.ts'
import { PartitionReader } from './partition-reader.ts'
import { QueueWatch } from './queue-watch.ts'

export interface ConsumerParts {
  readonly consuming: Link
  readonly publishing: Link
  readonly settings: RabbitmqSettings
  readonly host: Host
  readonly names: Names
  readonly group: GroupNames
  readonly topics: readonly string[] | undefined
  readonly exclusive: boolean
  readonly sink: Sink
  /** Runs calls that change a group one after another: the broker's lock does not keep members on one connection apart. */
  inTurn(work: () => Promise<void>): Promise<void>
  /** It has closed. */
  left(): void
}

/** How long it may take to enter a group, others at work on it and queues without number included, in milliseconds. */
const longest = 60_000

/**
 * One member of one group: listens to the queues of all partitions, hands over what was requested, and puts itself in order again whenever
 * something has ended: a channel, the connection, the queues themselves.
 */
export class GroupConsumer implements Consumer {
  readonly #parts: ConsumerParts
  readonly #readers: readonly PartitionReader[]
  readonly #calls = new SinkCalls()
  readonly #membership: Membership
  readonly #handOver: HandOver
  readonly #watch: QueueWatch
  readonly #upkeep: Upkeep
  readonly #leaving = new AbortController()
  readonly #joined = Promise.withResolvers<void>()
  readonly #stopListening: () => void
  #entered = false
  #fresh = true
  #timer: Timer | undefined
  #closing: Promise<void> | undefined

  constructor(parts: ConsumerParts) {
    this.#parts = parts
    const { consuming: link, host, settings, sink, group } = parts
    this.#readers = group.queues.map(
      (queue, partition) =>
        new PartitionReader({
          partition,
          queue,
          prefetch: settings.prefetch,
          link,
          host,
          sink,
          calls: this.#calls,
          arrived: () => this.#handOver.soon(),
          broken: () => this.#upkeep.soon(),
        }),
    )
    this.#handOver = new HandOver(host, sink, this.#readers)
    this.#membership = new Membership({
      ...parts,
      yield: (partitions) => this.#yield(partitions),
      deaf: () => this.#anew(),
    })
    this.#watch = new QueueWatch(link, group, this.#readers)
    this.#upkeep = new Upkeep(
      host,
      () => this.#inTime(),
      (error, failures) => this.#failed(error, failures),
    )
    this.#stopListening = link.onUp(() => this.#upkeep.soon())
  }

  /** Resolves when it is in the group; rejects, and is closed, where that cannot be within the time to connect. */
  async join(): Promise<void> {
    const { host, settings } = this.#parts
    const timer = host.runtime.setTimer(settings.connectTimeout, () =>
      this.#joined.reject(brokerError('join a group', undefined)),
    )
    this.#upkeep.soon()
    try {
      await this.#joined.promise
    } catch (error) {
      await this.close()
      throw error
    } finally {
      timer.cancel()
    }
    this.#checkLater()
  }

  request(count: number): void {
    this.#handOver.request(count)
  }

  done(): void {
    // A log's hint; here each delivery is settled.
  }

  settle(delivery: Delivery, how: 'done' | 'again'): void {
    this.#readers[delivery.partition]?.settle(delivery, how)
  }

  seek(): void {
    throw new TidingsError('TIDINGS_NOT_SUPPORTED', 'RabbitMQ keeps no past that could be sought.')
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { host, settings, sink } = this.#parts
    this.#leaving.abort(closedError())
    this.#handOver.stop()
    this.#joined.promise.catch(() => {})
    this.#joined.reject(closedError())
    this.#stopListening()
    this.#timer?.cancel()
    // Not inside a call of the sink's.
    await Promise.resolve()
    await within(host.runtime, settings.closeTimeout, this.#upkeep.end()).catch(() => false)
    const owned = this.#readers.filter((reader) => reader.leave()).map(({ partition }) => partition)
    await this.#calls.run(
      () => (owned.length === 0 ? undefined : sink.revoked(owned)),
      (error) => host.log('error', 'A sink has failed to give its partitions back.', { error }),
    )
    const ends = [this.#membership.leave(), this.#watch.close(), ...this.#readers.map((reader) => reader.left())]
    await within(host.runtime, settings.closeTimeout, Promise.allSettled(ends)).catch(() => false)
    this.#parts.left()
  }

  get #closed(): boolean {
    return this.#closing !== undefined
  }

  /** A broker that is connected and answers nothing is as good as none. */
  async #inTime(): Promise<void> {
    const work = this.#putInOrder()
    if (await within(this.#parts.host.runtime, longest, work)) return
    this.#parts.consuming.restart()
    await work
  }

  /** Enters the group where that is not done, or has come undone; else listens again where a queue has fallen silent. */
  async #putInOrder(): Promise<void> {
    const { consuming: link, topics } = this.#parts
    if (this.#closed || !link.up) return
    if (this.#entered && this.#membership.hearing) {
      try {
        await this.#listen()
      } catch (error) {
        this.#entered = false
        throw error
      }
      return
    }
    let others = false
    await this.#parts.inTurn(async () => {
      const parts = { ...this.#parts, link, topics, signal: this.#leaving.signal }
      others = await enterGroup(parts, this.#fresh, {
        listen: () => this.#membership.listen(),
        ask: () => this.#membership.ask(),
        join: async (dead) => {
          await this.#listen()
          this.#tellDead(dead)
        },
      })
    })
    await this.#membership.settle(others)
    this.#entered = true
    this.#fresh = false
    this.#joined.resolve()
  }

  async #listen(): Promise<void> {
    for (const reader of this.#readers) if (!reader.open && !this.#closed) await reader.listen()
  }

  #anew(): void {
    this.#entered = false
    this.#upkeep.soon()
  }

  #failed(error: unknown, failures: number): void {
    const { host, group, sink } = this.#parts
    if (this.#closed) return
    if (this.#fresh && isForGood(error)) this.#joined.reject(brokerError('join a group', error))
    else if (reasonOf(error) === 'PRECONDITION_FAILED') {
      const cause = brokerError('enter a group again', error)
      void this.close().then(() => sink.ended(cause))
    } else if (failures === 3) {
      host.log('warn', 'A group of RabbitMQ cannot be entered; trying on.', {
        group: group.group,
        reason: reasonOf(error),
      })
    }
  }

  /** Somebody else should have these: to stand in line again is to stand behind everybody. */
  async #yield(partitions: readonly number[]): Promise<void> {
    await Promise.all(
      partitions.map(async (partition) => {
        const reader = this.#readers[partition]
        if (reader === undefined || this.#closed) return
        await reader.stepBack()
        if (!this.#closed) await reader.listen().catch(() => this.#upkeep.soon())
      }),
    )
  }

  #checkLater(): void {
    const { host, settings } = this.#parts
    if (this.#closed) return
    this.#timer = host.runtime.setTimer(settings.checkInterval, () => {
      void this.#check()
        .catch((error: unknown) => host.log('debug', 'A group could not be looked at.', { reason: reasonOf(error) }))
        .finally(() => this.#checkLater())
    })
  }

  /** What nothing tells of by itself: silent queues, members that have died, partitions that are served to the wrong one. */
  async #check(): Promise<void> {
    const { host, group } = this.#parts
    if (!this.#entered || this.#closed) {
      this.#upkeep.soon()
      return
    }
    await this.#membership.look()
    const astray = this.#readers.filter((reader) => reader.owned && this.#membership.isOthers(reader.partition))
    if (astray.length > 0) await this.#yield(astray.map(({ partition }) => partition))
    const silent = await this.#watch.look()
    for (const reader of silent) {
      host.log('warn', 'RabbitMQ has stopped serving a queue; listening to it again.', {
        group: group.group,
        partition: reader.partition,
      })
      await this.#yield([reader.partition])
    }
    if (this.#readers.some((reader) => !reader.open)) this.#upkeep.soon()
  }

  #tellDead(count: number): void {
    if (count === 0) return
    const { host, group } = this.#parts
    host.log(
      'warn',
      'Events lie in the dead letter queue of a group: RabbitMQ was told not to deliver them any more.',
      {
        queue: group.dead,
        count,
      },
    )
  }
}
