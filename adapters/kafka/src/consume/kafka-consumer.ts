import {
  type Consumer,
  type Delivery,
  type Offset,
  type Sink,
  SinkCalls,
  type SubscribeOptions,
  sleep,
  TidingsError,
  type Timer,
  type Turn,
  within,
} from 'tidings/spi'

import { type Cluster, pauseAfter, type TopicState } from '../client/cluster.ts'
import { partitionNumber } from '../topics/partition-number.ts'
import { topicOf } from '../topics/topic-names.ts'
import { numbered, type Topics } from '../topics/topics.ts'
import type { Place } from './assignment.ts'
import { Bounds } from './bounds.ts'
import { DoneOffsets } from './done-offsets.ts'
import { Fetcher } from './fetcher.ts'
import { GroupMembership } from './group-membership.ts'
import { parsePlace } from './membership-wire.ts'
import type { ReadingStart } from './partition-reading.ts'

export interface KafkaConsumerOptions {
  readonly cluster: Cluster
  readonly topics: Topics
  readonly turn: Turn
  readonly subscribe: SubscribeOptions
  readonly sink: Sink
  readonly closed: (consumer: KafkaConsumer) => void
}

/** One term in which a partition is ours. A partition that is given away and comes back gets a new one. */
interface Term {
  readonly place: Place
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly number: number
  /** `assigning`: the sink is being asked where to begin, or the broker. `leaving`: the sink was told to finish, or is about to be. */
  stage: 'assigning' | 'reading' | 'leaving'
  /** An offset that was sought before reading had begun; it counts for more than any answer. */
  sought: Offset | undefined
}

/**
 * A member of a group: brings together what the group says it owns, what its sink has been told, and what is fetched.
 * Open, then closing (the sink is drained, the group left), then closed; or ended, when the sink has failed.
 */
export class KafkaConsumer implements Consumer {
  readonly #options: KafkaConsumerOptions
  readonly #group: GroupMembership
  readonly #fetcher: Fetcher
  readonly #bounds: Bounds
  readonly #calls = new SinkCalls()
  readonly #offsets = new DoneOffsets()
  readonly #terms = new Map<Place, Term>()
  readonly #byNumber = new Map<number, Term>()
  /** Terms that `assigned` has resolved for and that were neither revoked nor lost since. */
  readonly #told = new Set<Term>()
  readonly #stop = new AbortController()
  readonly #begun = Promise.withResolvers<void>()
  /** What the group has given us last. */
  #assigned: readonly Place[] = []
  #hears: readonly string[] = []
  #shape = ''
  #timers: Timer[] = []
  #closing: Promise<void> | undefined
  #state: 'open' | 'ended' | 'abandoned' = 'open'

  constructor(options: KafkaConsumerOptions) {
    this.#options = options
    const { cluster, topics, turn, subscribe } = options
    const { prefix } = cluster.settings
    this.#group = new GroupMembership({
      cluster,
      topics,
      group: prefix + subscribe.group,
      exclusive: subscribe.exclusive ?? false,
      hears: () => this.#hears,
      owned: () => [...this.#terms.keys()],
      assigned: (places) => this.#follow(places),
      lost: () => this.#lose([...this.#terms.values()]),
    })
    this.#bounds = new Bounds(cluster, topics, this.#group, subscribe.start ?? 'beginning')
    this.#fetcher = new Fetcher({
      cluster,
      topics,
      turn,
      sink: {
        deliver: (deliveries) => this.#deliver(deliveries),
        scanned: (number, offset) => options.sink.scanned(number, offset),
      },
      relocate: (start, offset) => this.#bounds.relocate(start, offset),
      failed: (cause) => this.#end(cause),
    })
    void this.#call(() => this.#begun.promise)
  }

  /** Joins the group. Rejects with a coded error where that cannot be. */
  async join(): Promise<void> {
    await this.#look()
    await this.#group.start()
    const { runtime } = this.#options.cluster.host
    const { refreshInterval, commitInterval } = this.#options.cluster.settings
    const every = (at: number, ms: number, run: () => Promise<void>): void => {
      if (this.#open) this.#timers[at] = runtime.setTimer(ms, () => void run().finally(() => every(at, ms, run)))
    }
    every(0, refreshInterval, () => this.#refresh())
    every(1, commitInterval, () => this.#commit())
  }

  /** Lets the sink hear of its partitions; called when `subscribe` has answered, so that its caller holds the consumer first. */
  begin(): void {
    this.#begun.resolve()
  }

  // What the engine says.

  request(count: number): void {
    if (count !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(count) && count >= 0))
      throw invalid('count', 'a whole number from 0, or Infinity')
    if (this.#open) this.#fetcher.request(count)
  }

  done(number: number, offset: Offset): void {
    const term = this.#byNumber.get(number)
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
    if (!Number.isSafeInteger(number) || number < 0) throw invalid('partition', 'one of this transport')
    if (!isOffset(offset)) throw invalid('offset', 'a whole number from 0')
    const term = this.#byNumber.get(number)
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
    for (const timer of this.#timers) timer.cancel()
    this.#fetcher.stop()
    // Whoever closes while it still joins must not wait for that.
    this.begin()
    await this.#giveUp([...this.#terms.values()])
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
    for (const timer of this.#timers) timer.cancel()
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
    const leaving = [...this.#terms.values()].filter(({ place, stage }) => stage !== 'leaving' && !wanted.has(place))
    if (leaving.length > 0) void this.#release(leaving)
    this.#take(places.filter((place) => !this.#terms.has(place)))
  }

  #take(places: readonly Place[]): void {
    const terms: Term[] = []
    for (const place of places) {
      const { topic, partition } = parsePlace(place)
      const state = this.#options.topics.state(topic)
      // Deleted meanwhile, and if it comes back we shall join again.
      if (state === undefined) continue
      const number = partitionNumber(state.id, partition)
      const term: Term = { place, topic, topicId: state.id, partition, number, stage: 'assigning', sought: undefined }
      this.#terms.set(place, term)
      this.#byNumber.set(number, term)
      terms.push(term)
    }
    if (terms.length > 0) void this.#call(() => this.#assign(terms))
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
    for (const term of terms) this.#forget(term)
  }

  #lose(terms: readonly Term[]): void {
    this.#assigned = []
    // Of those that are leaving, the sink is told enough already.
    const lost = terms.filter(({ stage }) => stage !== 'leaving')
    for (const term of lost) {
      // Nothing can begin or go on any more in this term.
      term.stage = 'leaving'
      this.#forget(term)
      this.#fetcher.drop(term.number)
      this.#offsets.forget(term.place)
    }
    void this.#call(() => {
      const told = lost.filter((term) => this.#told.delete(term))
      if (told.length > 0 && this.#state === 'open') this.#options.sink.lost(told.map(({ number }) => number))
    })
  }

  #forget(term: Term): void {
    if (this.#terms.get(term.place) === term) this.#terms.delete(term.place)
    if (this.#byNumber.get(term.number) === term) this.#byNumber.delete(term.number)
  }

  // Beginning.

  async #assign(terms: readonly Term[]): Promise<void> {
    for (let failures = 0; ; failures++) {
      const wanted = terms.filter((term) => term.stage === 'assigning')
      if (wanted.length === 0 || !this.#open) return
      try {
        const offsets = await this.#options.sink.assigned(wanted.map(({ number }) => number))
        if (offsets.length !== wanted.length || !offsets.every((offset) => offset === -1 || isOffset(offset)))
          throw invalid('offsets', 'a whole number from 0, or -1, for each partition')
        for (const term of wanted) this.#told.add(term)
        const known = wanted.filter((_, at) => offsets[at] !== -1)
        for (const term of known)
          this.#read(term, offsets[wanted.indexOf(term)] as Offset, offsets[wanted.indexOf(term)] as Offset)
        const unknown = wanted.filter((_, at) => offsets[at] === -1)
        if (unknown.length > 0) void this.#locate(unknown)
        return
      } catch (error) {
        this.#options.cluster.host.log('warn', 'A consumer does not say where its partitions begin; asking again.', {
          error,
        })
        await this.#pause(failures)
      }
    }
  }

  /** Asks the broker where partitions begin of which the sink knows nothing. */
  async #locate(terms: readonly Term[]): Promise<void> {
    for (let failures = 0; ; failures++) {
      const wanted = terms.filter((term) => term.stage === 'assigning')
      if (wanted.length === 0 || !this.#open) return
      try {
        const offsets = await this.#bounds.locate(wanted)
        for (const term of wanted) {
          const offset = offsets.get(term.place) ?? 0
          // Who began at the end goes on from there, also when it comes back before anything has happened.
          if (this.#options.subscribe.start === 'end') this.#offsets.done(term.place, offset)
          this.#read(term, offset, -1)
        }
        return
      } catch (error) {
        this.#options.cluster.host.log('debug', 'Kafka does not say where partitions begin; asking again.', { error })
        await this.#pause(failures)
      }
    }
  }

  #read(term: Term, offset: Offset, known: Offset): void {
    if (term.stage !== 'assigning' || !this.#open) return
    term.stage = 'reading'
    const { place, topic, topicId, partition, number, sought } = term
    const start: ReadingStart = {
      place,
      topic,
      topicId,
      partition,
      number,
      offset: sought ?? offset,
      known: sought ?? known,
    }
    this.#fetcher.start(start)
  }

  #deliver(deliveries: readonly Delivery[]): void {
    this.#options.sink.deliver(deliveries)
  }

  // Keeping up.

  /** What there is to hear; joins the group again where that has changed. */
  async #look(): Promise<void> {
    const { topics, subscribe, cluster } = this.#options
    const states =
      subscribe.topics === undefined
        ? await topics.all()
        : await topics.ensure(subscribe.topics.map((category) => topicOf(cluster.settings.prefix, category)))
    numbered(states)
    const shape = states
      .map(({ name, id, partitions }) => `${name} ${id} ${partitions.length}`)
      .sort()
      .join()
    const changed = this.#shape !== '' && shape !== this.#shape
    this.#hears = states.map(({ name }) => name).sort()
    this.#shape = shape || 'nothing'
    if (!changed) return
    this.#replace(states)
    this.#group.rejoin()
  }

  async #refresh(): Promise<void> {
    try {
      await this.#look()
    } catch (error) {
      if (error instanceof TidingsError && error.code === 'TIDINGS_CONFLICT') this.#end(error)
      else
        this.#options.cluster.host.log('debug', 'Kafka does not say which topics there are; asking again later.', {
          error,
        })
    }
  }

  /** A topic that was deleted and made again has other partitions under its old name. */
  #replace(states: readonly TopicState[]): void {
    const ids = new Map(states.map(({ name, id }) => [name, id]))
    const gone = [...this.#terms.values()].filter(({ topic, topicId }) => (ids.get(topic) ?? topicId) !== topicId)
    if (gone.length > 0) void this.#release(gone)
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

function invalid(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` to be ${rule}.`, { details: { field } })
}
