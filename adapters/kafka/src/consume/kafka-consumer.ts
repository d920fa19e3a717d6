import {
  type Consumer,
  type Delivery,
  isTidingsError,
  type Offset,
  type Sink,
  SinkCalls,
  type SubscribeOptions,
  sleep,
  TidingsError,
  type Turn,
  within,
} from 'tidings/spi'

import { type Cluster, pauseAfter } from '../client/cluster.ts'
import { every } from '../client/every.ts'
import { invalidOption } from '../invalid-option.ts'
import { HeardTopics } from '../topics/heard-topics.ts'
import type { Topics } from '../topics/topics.ts'
import type { Place } from './assignment.ts'
import { Beginning } from './beginning.ts'
import { Bounds } from './bounds.ts'
import { DoneOffsets } from './done-offsets.ts'
import { Fetcher } from './fetcher.ts'
import { GroupMembership } from './group-membership.ts'
import { type Term, Terms } from './term.ts'

export interface KafkaConsumerOptions {
  readonly cluster: Cluster
  readonly topics: Topics
  readonly turn: Turn
  readonly subscribe: SubscribeOptions
  readonly sink: Sink
  readonly closed: (consumer: KafkaConsumer) => void
}

/**
 * A member of a group: brings together what the group says it owns, what its sink has been told, and what is fetched.
 * Open, then closing (the sink is drained, the group left), then closed; or ended, when the sink has failed.
 */
export class KafkaConsumer implements Consumer {
  readonly #options: KafkaConsumerOptions
  readonly #group: GroupMembership
  readonly #fetcher: Fetcher
  readonly #beginning: Beginning
  readonly #calls = new SinkCalls()
  readonly #offsets = new DoneOffsets()
  readonly #terms: Terms
  readonly #heard: HeardTopics
  /** Terms that `assigned` has resolved for and that were neither revoked nor lost since. */
  readonly #told = new Set<Term>()
  readonly #stop = new AbortController()
  readonly #begun = Promise.withResolvers<void>()
  /** What the group has given us last. */
  #assigned: readonly Place[] = []
  #rest: () => void = () => {}
  #closing: Promise<void> | undefined
  #state: 'open' | 'ended' | 'abandoned' = 'open'

  constructor(options: KafkaConsumerOptions) {
    this.#options = options
    const { cluster, topics, turn, subscribe } = options
    const { prefix } = cluster.settings
    this.#terms = new Terms(topics)
    this.#heard = new HeardTopics(cluster, topics, subscribe.topics)
    this.#group = new GroupMembership({
      cluster,
      topics,
      group: prefix + subscribe.group,
      exclusive: subscribe.exclusive ?? false,
      store: subscribe.store,
      hears: () => this.#heard.names,
      owned: () => this.#terms.places,
      assigned: (places) => this.#follow(places),
      lost: () => this.#lose(this.#terms.all),
      refused: (error) => this.#end(error),
    })
    const start = subscribe.start ?? 'beginning'
    const bounds = new Bounds(cluster, topics, this.#group, start)
    this.#fetcher = new Fetcher({
      cluster,
      topics,
      turn,
      sink: {
        deliver: (deliveries) => options.sink.deliver(deliveries),
        scanned: (number, offset) => options.sink.scanned(number, offset),
      },
      relocate: (reading, offset) => bounds.relocate(reading, offset),
      failed: (cause) => this.#end(cause),
    })
    this.#beginning = new Beginning({
      sink: options.sink,
      bounds,
      fetcher: this.#fetcher,
      offsets: this.#offsets,
      start,
      log: cluster.host.log,
      open: () => this.#open,
      told: (terms) => {
        for (const term of terms) this.#told.add(term)
      },
      pause: (failures) => this.#pause(failures),
    })
    void this.#call(() => this.#begun.promise)
  }

  /** Joins the group. Rejects with a coded error where that cannot be. */
  async join(): Promise<void> {
    await this.#heard.look()
    await this.#group.start()
    const { runtime } = this.#options.cluster.host
    const { refreshInterval, commitInterval } = this.#options.cluster.settings
    if (!this.#open) return
    const stops = [
      every(runtime, refreshInterval, () => this.#refresh()),
      every(runtime, commitInterval, () => this.#commit()),
    ]
    this.#rest = () => stops.forEach((stop) => stop())
  }

  /** Lets the sink hear of its partitions; called when `subscribe` has answered, so that its caller holds the consumer first. */
  begin(): void {
    this.#begun.resolve()
  }

  // What the engine says.

  request(count: number): void {
    if (count !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(count) && count >= 0))
      throw invalidOption('count', 'a whole number from 0, or Infinity')
    if (this.#open) this.#fetcher.request(count)
  }

  done(number: number, offset: Offset): void {
    if (!isOffset(offset)) throw invalidOption('offset', 'a whole number from 0')
    const term = this.#terms.numbered(number)
    if (term !== undefined) this.#offsets.done(term.place, offset)
  }

  settle(_delivery: Delivery): void {
    throw new TidingsError(
      'TIDINGS_NOT_SUPPORTED',
      'Kafka has no single deliveries to settle; a consumer keeps a place per partition.',
      {
        details: { capability: 'kind' },
      },
    )
  }

  /** Partitions that are not assigned (any more) are left alone. */
  seek(number: number, offset: Offset): void {
    if (!Number.isSafeInteger(number) || number < 0) throw invalidOption('partition', 'one of this transport')
    if (!isOffset(offset)) throw invalidOption('offset', 'a whole number from 0')
    const term = this.#terms.numbered(number)
    if (!this.#open || term === undefined || term.stage === 'leaving') return
    this.#offsets.forget(term.place)
    if (!this.#fetcher.seek(number, offset)) term.sought = offset
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#stop.abort()
    this.#rest()
    this.#fetcher.stop()
    // Whoever closes while it still joins must not wait for that.
    this.begin()
    await this.#giveUp(this.#terms.all)
    await this.#calls.ended()
    const { cluster, closed } = this.#options
    const patience = cluster.settings.closeTimeout / 2
    await within(cluster.host.runtime, patience, this.#commit())
    await this.#group.leave(patience)
    closed(this)
  }

  /** Ends at once, without a word to sink or group. */
  abandon(): void {
    this.#state = 'abandoned'
    this.#stop.abort()
    this.#rest()
    this.#fetcher.stop()
    this.#group.abandon()
  }

  get #open(): boolean {
    return this.#closing === undefined && this.#state === 'open'
  }

  // What the group says.

  /** These places are ours: begins with new ones, lets go of others. */
  #follow(places: readonly Place[]): void {
    if (!this.#open) return
    this.#assigned = places
    const wanted = new Set(places)
    const leaving = this.#terms.all.filter(({ place, stage }) => stage !== 'leaving' && !wanted.has(place))
    if (leaving.length > 0) void this.#release(leaving)
    this.#take(places.filter((place) => !this.#terms.has(place)))
  }

  #take(places: readonly Place[]): void {
    const terms = this.#terms.begin(places)
    if (terms.length > 0) void this.#call(() => this.#beginning.assign(terms))
  }

  /** Lets go of partitions, tells the broker how far they are, then the group that they are free. */
  async #release(terms: readonly Term[]): Promise<void> {
    await this.#giveUp(terms)
    if (!this.#open) return
    await within(this.#options.cluster.host.runtime, this.#options.cluster.settings.closeTimeout / 2, this.#commit())
    for (const { place } of terms) this.#offsets.forget(place)
    // What was given to us again while we let it go begins anew; of the rest the group must hear.
    const again = new Set(this.#assigned)
    const back = terms.filter(({ place }) => again.has(place) && !this.#terms.has(place)).map(({ place }) => place)
    this.#take(back)
    if (back.length < terms.length) this.#group.rejoin()
  }

  async #giveUp(terms: readonly Term[]): Promise<void> {
    for (const term of terms) {
      term.stage = 'leaving'
      this.#fetcher.drop(term.number)
    }
    await this.#call(async () => {
      const told = terms.filter((term) => this.#told.delete(term))
      if (told.length > 0 && this.#state === 'open') await this.#options.sink.revoked(told.map(({ number }) => number))
    })
    for (const term of terms) this.#terms.end(term)
  }

  #lose(terms: readonly Term[]): void {
    this.#assigned = []
    // Of those that are leaving, the sink is told enough already.
    const lost = terms.filter(({ stage }) => stage !== 'leaving')
    for (const term of lost) {
      // Nothing can begin or go on any more in this term.
      term.stage = 'leaving'
      this.#terms.end(term)
      this.#fetcher.drop(term.number)
      this.#offsets.forget(term.place)
    }
    void this.#call(() => {
      const told = lost.filter((term) => this.#told.delete(term))
      if (told.length > 0 && this.#state === 'open') this.#options.sink.lost(told.map(({ number }) => number))
    })
  }

  // Keeping up.

  /** Joins the group again where there is something else to hear. */
  async #refresh(): Promise<void> {
    try {
      if (!(await this.#heard.look())) return
      // A topic that was deleted and made again has other partitions under its old name.
      const gone = this.#terms.all.filter(({ topic, topicId }) => (this.#heard.idOf(topic) ?? topicId) !== topicId)
      if (gone.length > 0) void this.#release(gone)
      this.#group.rejoin()
    } catch (error) {
      if (isTidingsError(error, 'TIDINGS_CONFLICT')) this.#end(error)
      else
        this.#options.cluster.host.log('debug', 'Kafka does not say which topics there are; asking again later.', {
          error,
        })
    }
  }

  async #commit(): Promise<void> {
    const offsets = this.#offsets.untold()
    try {
      await this.#group.commit(offsets)
      this.#offsets.told(offsets)
    } catch (error) {
      this.#options.cluster.host.log('debug', 'Offsets could not be committed to Kafka; trying again later.', { error })
    }
  }

  #end(cause: Error): void {
    if (!this.#open) return
    this.#state = 'ended'
    this.#fetcher.stop()
    void this.#call(() => this.#options.sink.ended(cause))
    void this.close()
  }

  async #pause(failures: number): Promise<void> {
    const { runtime } = this.#options.cluster.host
    await sleep(runtime, pauseAfter(failures, runtime.random()), this.#stop.signal).catch(() => {})
  }

  #call(call: () => Promise<void> | void): Promise<void> {
    const run = (): Promise<void> | void => (this.#state === 'abandoned' ? undefined : call())
    return this.#calls.run(run, (error) =>
      this.#options.cluster.host.log('error', 'A consumer failed in a call of its transport.', {
        group: this.#options.subscribe.group,
        error,
      }),
    )
  }
}

function isOffset(offset: unknown): boolean {
  return Number.isSafeInteger(offset) && (offset as number) >= 0
}
