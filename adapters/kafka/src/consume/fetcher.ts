import { type Delivery, type Offset, type Sink, sleep, type Turn } from 'tidings/spi'

import { Alarm } from '../client/alarm.ts'
import { hasMoved, nameOfError, noError, offsetOutOfRange } from '../client/broker-error.ts'
import { type Cluster, pauseAfter } from '../client/cluster.ts'
import type { Connections } from '../client/connections.ts'
import type { Topics } from '../topics/topics.ts'
import { type FetchAnswer, readFetchAnswer } from '../wire/fetch-answer.ts'
import { PartitionReading, type ReadingStart } from './partition-reading.ts'

/** Most deliveries of one call to the sink. */
const most = 512
/** Bytes of one partition in one answer; a single batch may be larger. */
const partitionBytes = 1_048_576
const committedOnly = 1
const fetchKey = 1

export interface FetcherOptions {
  readonly cluster: Cluster
  readonly topics: Topics
  readonly turn: Turn
  readonly sink: Pick<Sink, 'deliver' | 'scanned'>
  /** Called when the offset that was asked for does not exist; resolves with the one to go on from. */
  readonly relocate: (start: ReadingStart, offset: Offset) => Promise<Offset>
  /** Called once when the sink fails; nothing is delivered afterwards. */
  readonly failed: (cause: Error) => void
}

/**
 * Fetches and delivers the partitions of one consumer: one request to each broker that leads some of them, under way as long as less is
 * kept than may be; deliveries as they are requested, each partition in its turn.
 */
export class Fetcher {
  readonly #options: FetcherOptions
  readonly #connections: Connections
  readonly #readings = new Map<number, PartitionReading>()
  readonly #running = new Set<number>()
  readonly #stop = new AbortController()
  #credit = 0
  #turnOf = 0
  #scheduled = false
  readonly #alarm: Alarm

  constructor(options: FetcherOptions) {
    this.#options = options
    const { settings, host } = options.cluster
    this.#alarm = new Alarm(host.runtime, () => this.#kick())
    this.#connections = options.cluster.connections(settings.fetchWait + settings.requestTimeout)
  }

  request(count: number): void {
    this.#credit += count
    this.#schedule()
  }

  start(start: ReadingStart): void {
    this.#readings.set(start.number, new PartitionReading(this.#options.cluster.client, start))
    this.#kick()
  }

  /** Delivers nothing more of a partition. */
  drop(number: number): void {
    this.#readings.delete(number)
  }

  /** False: the partition is not being read. */
  seek(number: number, offset: Offset): boolean {
    const reading = this.#readings.get(number)
    if (reading === undefined) return false
    reading.seek(offset)
    this.#kick()
    return true
  }

  /** Ends all reading at once. */
  stop(): void {
    if (this.#stop.signal.aborted) return
    this.#stop.abort()
    this.#credit = 0
    this.#readings.clear()
    this.#alarm.cancel()
    this.#options.cluster.release(this.#connections)
  }

  // Fetching.

  /** Begins with brokers that have something to be asked for and are not being asked. */
  #kick(): void {
    if (this.#stop.signal.aborted) return
    const { runtime } = this.#options.cluster.host
    const now = runtime.monotonic()
    let wait = Number.POSITIVE_INFINITY
    const kept = this.#kept()
    for (const reading of this.#readings.values()) {
      if (!this.#wants(reading, kept)) continue
      const leader = this.#leaderOf(reading)
      if (reading.notBefore > now) wait = Math.min(wait, reading.notBefore - now)
      else if (leader === -1) wait = Math.min(wait, this.#troubled(reading, undefined))
      else if (!this.#running.has(leader)) {
        this.#running.add(leader)
        void this.#run(leader)
      }
    }
    this.#alarm.within(wait)
  }

  /** Whether a partition should be fetched, by how much is kept. */
  #wants(reading: PartitionReading, kept: number): boolean {
    return reading.placed && reading.bytes < partitionBytes / 2 && kept < this.#options.cluster.settings.fetchBytes
  }

  #kept(): number {
    let bytes = 0
    for (const reading of this.#readings.values()) bytes += reading.bytes
    return bytes
  }

  /** -1 where it has none that is known. */
  #leaderOf({ start }: PartitionReading): number {
    const state = this.#options.topics.state(start.topic)
    return state?.id === start.topicId ? (state.partitions[start.partition]?.leader ?? -1) : -1
  }

  async #run(leader: number): Promise<void> {
    const { host } = this.#options.cluster
    for (let failures = 0; !this.#stop.signal.aborted; ) {
      const now = host.runtime.monotonic()
      const kept = this.#kept()
      const wanted = [...this.#readings.values()].filter(
        (reading) => reading.notBefore <= now && this.#wants(reading, kept) && this.#leaderOf(reading) === leader,
      )
      if (wanted.length === 0) break
      try {
        await this.#fetch(leader, wanted)
        failures = 0
      } catch (error) {
        if (this.#stop.signal.aborted) break
        const report = failures === 0 ? 'info' : 'debug'
        host.log(report, 'Nothing can be fetched from a Kafka broker now; trying on.', { broker: leader, error })
        await this.#pause(failures++)
        await this.#options.topics.refresh().catch(() => {})
      }
    }
    this.#running.delete(leader)
    // Some may have moved here or away while it was asked.
    this.#kick()
  }

  async #fetch(leader: number, wanted: readonly PartitionReading[]): Promise<void> {
    const { cluster } = this.#options
    const connection = await cluster.node(this.#connections, leader)
    const version = await cluster.requests.version(connection, 'fetch')
    const asked = new Map(wanted.map((reading) => [reading, reading.next]))
    const room = Math.max(partitionBytes, cluster.settings.fetchBytes - this.#kept())
    const topics = [...Map.groupBy(wanted, ({ start }) => start.topicId)].map(([topicId, readings]) => ({
      topicId,
      partitions: readings.map(({ start, next }) => ({
        partition: start.partition,
        currentLeaderEpoch: -1,
        fetchOffset: BigInt(next),
        lastFetchedEpoch: -1,
        partitionMaxBytes: partitionBytes,
      })),
    }))
    const { fetchWait } = cluster.settings
    const answer = await new Promise<FetchAnswer>((resolve, reject) => {
      connection.send(
        fetchKey,
        version,
        // Without a session: each request names all it wants, and there is nothing to lose.
        () => cluster.client.fetchV17.createRequest(fetchWait, 1, room, committedOnly, 0, -1, topics, [], ''),
        (_id, _key, _version, reader) => readFetchAnswer(reader.buffer.slice(0)),
        true,
        true,
        (error, found) => (found === undefined ? reject(error ?? new Error('No answer.')) : resolve(found)),
      )
    })
    if (this.#stop.signal.aborted) return
    if (answer.error !== noError) throw new Error(`Kafka answers ${nameOfError(answer.error)} to a fetch.`)
    const byPlace = new Map(wanted.map((reading) => [`${reading.start.topicId}/${reading.start.partition}`, reading]))
    for (const fetched of answer.partitions) {
      const reading = byPlace.get(`${fetched.topicId}/${fetched.partition}`)
      // Somebody may have dropped it meanwhile, or sought elsewhere.
      if (reading === undefined || this.#readings.get(reading.start.number) !== reading) continue
      if (reading.next !== asked.get(reading)) continue
      if (fetched.error === noError) reading.accept(fetched)
      else if (fetched.error === offsetOutOfRange) void this.#relocate(reading)
      else this.#troubled(reading, fetched.error)
    }
    this.#schedule()
  }

  /** Looks for leaders anew; returns the milliseconds until the partition is tried again. */
  #troubled(reading: PartitionReading, error: number | undefined): number {
    const { topics, cluster } = this.#options
    const { runtime, log } = cluster.host
    const pause = pauseAfter(reading.failures++, runtime.random())
    reading.notBefore = runtime.monotonic() + pause
    const { topic, partition } = reading.start
    log(reading.failures === 6 ? 'warn' : 'debug', 'A partition cannot be fetched now; trying on.', {
      topic,
      partition,
      reason: error === undefined ? 'no leader' : nameOfError(error),
    })
    if (error === undefined || hasMoved(error))
      topics.refresh().then(
        () => this.#kick(),
        () => {},
      )
    return pause
  }

  async #relocate(reading: PartitionReading): Promise<void> {
    reading.placed = false
    for (let failures = 0; this.#readings.get(reading.start.number) === reading && !reading.placed; ) {
      const { next } = reading
      try {
        const offset = await this.#options.relocate(reading.start, next)
        // A seek meanwhile says where to read, if that is not the place that does not exist.
        if (reading.next === next) reading.move(offset)
        reading.placed = true
      } catch (error) {
        this.#options.cluster.host.log('debug', 'The bounds of a partition cannot be asked for now.', { error })
        await this.#pause(failures++)
      }
    }
    this.#kick()
  }

  async #pause(failures: number): Promise<void> {
    const { runtime } = this.#options.cluster.host
    await sleep(runtime, pauseAfter(failures, runtime.random()), this.#stop.signal).catch(() => {})
  }

  // Delivering.

  #schedule(): void {
    if (this.#scheduled || this.#stop.signal.aborted) return
    this.#scheduled = true
    this.#options.turn.soon(() => {
      this.#scheduled = false
      try {
        this.#pump()
      } catch (error) {
        this.stop()
        this.#options.failed(error instanceof Error ? error : new Error('A sink has failed.', { cause: error }))
      }
    })
  }

  #pump(): void {
    const { sink, turn, cluster } = this.#options
    const now = (): number => cluster.host.runtime.now()
    while (this.#credit > 0) {
      const batch: Delivery[] = []
      this.#fill(batch, Math.min(this.#credit, most), now)
      if (batch.length === 0) break
      this.#credit -= batch.length
      sink.deliver(batch)
      if (turn.spent()) {
        this.#schedule()
        break
      }
    }
    for (const [number, reading] of this.#readings) {
      const offset = reading.report()
      if (offset !== undefined) sink.scanned(number, offset)
    }
    this.#kick()
  }

  /** Takes from those that have something, beginning after the one that came last. */
  #fill(batch: Delivery[], room: number, now: () => number): void {
    const ready = [...this.#readings.values()].filter((reading) => reading.ready)
    for (let step = 0; step < ready.length && batch.length < room; step++) {
      const at = (this.#turnOf + step) % ready.length
      ;(ready[at] as PartitionReading).take(batch, room, now)
    }
    this.#turnOf++
  }
}
