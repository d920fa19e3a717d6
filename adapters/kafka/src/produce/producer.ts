import { type EventRecord, type Outcome, partitionOf, TidingsError, within } from 'tidings/spi'
import { Alarm } from '../client/alarm.ts'
import { closed, hasMoved, messageTooLarge, nameOfError, unavailable, unknownTopic } from '../client/broker-error.ts'
import { type Cluster, pauseAfter } from '../client/cluster.ts'
import type { Connections } from '../client/connections.ts'
import type { OutTopic, Topics } from '../topics/topics.ts'
import { checksumOf } from '../wire/batch-checksum.ts'
import { keyOf } from '../wire/message.ts'
import { fateOf } from './fate.ts'
import { fitting, type Sent } from './fitting.ts'
import { Flight } from './flight.ts'
import { type Load, type Moment, type Parcel, PartitionQueue } from './partition-queue.ts'
import { type PartAnswer, sendProduce } from './produce-request.ts'
import { type Identity, ProducerIdentity } from './producer-identity.ts'
import { overloaded, refused, tooLarge, unopened } from './publish-errors.ts'

/** Bytes that may wait for brokers. */
const mostWaiting = 134_217_728

/**
 * Publishes. Events wait in queues, one a partition; one request to each broker is under way, and all that becomes ready meanwhile leaves
 * with the next. A batch whose fate is unknown is sent again under the same numbers until the broker says what became of it, or its time is
 * over; nothing behind it in its partition leaves before.
 */
export class Producer {
  readonly #cluster: Cluster
  readonly #topics: Topics
  readonly #connections: Connections
  readonly #identity: ProducerIdentity
  readonly #checksum: (bytes: Buffer) => number
  readonly #queues = new Map<OutTopic, PartitionQueue[]>()
  /** Those in which something waits. */
  readonly #waiting = new Set<PartitionQueue>()
  /** Brokers with a request under way. */
  readonly #busy = new Set<number>()
  readonly #flights = new Set<Flight>()
  readonly #load: Load = { bytes: 0 }
  #scheduled = false
  /** Sees to it that retries and the end of patience come without being asked for. */
  readonly #alarm: Alarm
  #looking = false
  #ended = false

  constructor(cluster: Cluster, topics: Topics) {
    this.#cluster = cluster
    this.#topics = topics
    const { requestTimeout } = cluster.settings
    // A broker that cannot answer in time says so before the connection is given up.
    this.#connections = cluster.connections(requestTimeout * 1.25)
    this.#identity = new ProducerIdentity(cluster)
    this.#alarm = new Alarm(cluster.host.runtime, () => this.#leave())
    this.#checksum = checksumOf(cluster.client)
  }

  publish(events: readonly EventRecord[], signal: AbortSignal | undefined): Promise<readonly Outcome[]> {
    if (events.length === 0) return Promise.resolve([])
    const flight = new Flight(events, this.#over)
    this.#flights.add(flight)
    if (signal !== undefined) flight.heed(signal)
    const missing = this.#missing(flight)
    if (missing === undefined) this.#enqueue(flight, undefined)
    else void this.#topics.openAll(missing).then((failures) => this.#enqueue(flight, failures))
    return flight.done
  }

  readonly #over = (flight: Flight): void => void this.#flights.delete(flight)

  /** Categories that are published to for the first time. */
  #missing({ events }: Flight): Set<string> | undefined {
    let missing: Set<string> | undefined
    for (const { category } of events)
      if (this.#topics.opened(category) === undefined) missing = (missing ?? new Set<string>()).add(category)
    return missing
  }

  #enqueue(flight: Flight, failures: ReadonlyMap<string, Error> | undefined): void {
    const now = this.#now()
    for (let at = 0; at < flight.events.length; at++) {
      if (flight.ended(at)) continue
      const { category } = flight.events[at] as EventRecord
      const topic = this.#topics.opened(category)
      if (this.#ended) flight.end(at, { status: 'unknown', error: closed() })
      else if (topic === undefined) flight.end(at, unopened(failures?.get(category)))
      else if (this.#load.bytes > mostWaiting) flight.end(at, { status: 'unknown', error: overloaded(mostWaiting) })
      else this.#add(flight, at, topic, now)
    }
    this.#schedule()
  }

  #add(flight: Flight, at: number, topic: OutTopic, now: Moment): void {
    const event = flight.events[at] as EventRecord
    const queue = this.#queue(topic, partitionOf(keyOf(event), topic.state.partitions.length))
    try {
      if (queue.add({ flight, at }, now)) this.#waiting.add(queue)
      else flight.end(at, { status: 'refused', error: tooLarge(topic) })
    } catch (error) {
      flight.end(at, { status: 'refused', error: error as Error })
    }
  }

  #queue(topic: OutTopic, partition: number): PartitionQueue {
    let queues = this.#queues.get(topic)
    if (queues === undefined) this.#queues.set(topic, (queues = []))
    return (queues[partition] ??= new PartitionQueue(topic, partition, this.#load))
  }

  // Sending.

  /** Looks what can leave when this turn of the event loop has ended, so that all it made ready leaves together. */
  #schedule(): void {
    if (this.#scheduled || this.#ended || this.#waiting.size === 0) return
    this.#scheduled = true
    this.#cluster.host.runtime.defer(() => {
      this.#scheduled = false
      this.#leave()
    })
  }

  #leave(): void {
    if (this.#ended) return
    const now = this.#now()
    const { deliveryTimeout } = this.#cluster.settings
    const ready = new Map<number, Sent[]>()
    let wait = Number.POSITIVE_INFINITY
    for (const queue of this.#waiting) {
      this.#expire(queue, now.monotonic)
      const parcel = queue.first(now)
      if (parcel === undefined) {
        this.#waiting.delete(queue)
        continue
      }
      wait = Math.min(wait, parcel.since + deliveryTimeout - now.monotonic)
      const leader = queue.topic.state.partitions[queue.partition]?.leader ?? -1
      if (this.#busy.has(leader)) continue
      if (queue.notBefore > now.monotonic) wait = Math.min(wait, queue.notBefore - now.monotonic)
      else if (leader === -1) wait = Math.min(wait, this.#failed(queue, now.monotonic))
      else {
        const own = ready.get(leader)
        if (own === undefined) ready.set(leader, [{ queue, parcel }])
        else own.push({ queue, parcel })
      }
    }
    for (const [leader, all] of ready) void this.#send(leader, all)
    this.#alarm.within(wait)
  }

  async #send(leader: number, all: readonly Sent[]): Promise<void> {
    this.#busy.add(leader)
    let sent = fitting(all)
    try {
      const { client, requests, settings } = this.#cluster
      const connection = await this.#cluster.node(this.#connections, leader)
      const version = await requests.version(connection, 'produce')
      const identity = await this.#identity.get()
      // Those that did not fit come first the next time.
      for (const { queue } of sent) if (this.#waiting.delete(queue)) this.#waiting.add(queue)
      // Some may have been given up meanwhile, or packed anew without what was.
      sent = sent.filter(({ queue, parcel }) => queue.parcels[0] === parcel)
      this.#number(sent, identity)
      const parts = sent.map(({ queue, parcel }) => ({
        topic: queue.topic.name,
        partition: queue.partition,
        bytes: parcel.batch.seal(parcel.sequence as NonNullable<Parcel['sequence']>, this.#checksum),
      }))
      const answers = await sendProduce(client, connection, version, parts, settings.requestTimeout)
      for (const [at, answer] of answers.entries()) this.#answered(sent[at] as Sent, answer)
    } catch (error) {
      this.#cluster.host.log('debug', 'Events could not be sent to a Kafka broker; trying again.', {
        broker: leader,
        error,
      })
      const now = this.#cluster.host.runtime.monotonic()
      for (const { queue } of sent) this.#failed(queue, now)
    }
    this.#busy.delete(leader)
    this.#schedule()
  }

  /** Gives those batches their numbers that have none yet. */
  #number(sent: readonly Sent[], { producerId, epoch }: Identity): void {
    for (const { queue, parcel } of sent) {
      if (parcel.sequence !== undefined) continue
      if (queue.producerId !== producerId) {
        queue.producerId = producerId
        queue.next = 0
      }
      parcel.sequence = { producerId, epoch, first: queue.next }
      queue.next = (queue.next + parcel.batch.count) % 0x8000_0000
    }
  }

  #answered({ queue, parcel }: Sent, { error, message }: PartAnswer): void {
    const { sequence } = parcel
    if (queue.parcels[0] !== parcel || sequence === undefined) return
    const now = this.#now()
    switch (fateOf(error)) {
      case 'stored':
        this.#end(queue, { status: 'stored' })
        break
      case 'renew':
        // Sent under new numbers it may be there twice, which receivers see by its id; not sent it might be lost.
        this.#identity.renew()
        parcel.sequence = undefined
        this.#failed(queue, now.monotonic, error)
        break
      case 'divide': {
        // Nothing of it was kept, so its numbers are free again.
        queue.next = sequence.first
        const tooMuch = error === messageTooLarge
        if (parcel.entries.length > 1) queue.split(now)
        else this.#end(queue, { status: 'refused', error: tooMuch ? tooLarge(queue.topic) : refused(error, message) })
        break
      }
      case 'retry':
        this.#failed(queue, now.monotonic, error)
        break
    }
  }

  #end(queue: PartitionQueue, outcome: Outcome): void {
    const { entries } = queue.shift()
    queue.failures = 0
    queue.notBefore = 0
    for (const { flight, at } of entries) flight.end(at, outcome)
  }

  /** Plans another try; returns the milliseconds until then. */
  #failed(queue: PartitionQueue, now: number, error?: number): number {
    const { runtime, log } = this.#cluster.host
    const pause = pauseAfter(queue.failures++, runtime.random())
    queue.notBefore = now + pause
    if (error !== undefined) {
      log(queue.failures === 4 ? 'warn' : 'debug', 'Kafka does not take events now; trying again.', {
        topic: queue.topic.name,
        partition: queue.partition,
        reason: nameOfError(error),
      })
    }
    if (error === undefined || hasMoved(error)) this.#lookForLeaders(error === unknownTopic ? queue.topic : undefined)
    return pause
  }

  /** Asks who leads what, and makes a topic that has gone; one question at a time. */
  #lookForLeaders(gone: OutTopic | undefined): void {
    if (this.#looking) return
    this.#looking = true
    const look = gone === undefined ? this.#topics.refresh() : this.#topics.ensure([gone.name])
    look
      .catch((error: unknown) => this.#cluster.host.log('debug', 'Kafka does not tell who leads a topic.', { error }))
      .finally(() => {
        this.#looking = false
        this.#schedule()
      })
      .catch(() => {})
  }

  /** Ends what has waited too long. */
  #expire(queue: PartitionQueue, now: number): void {
    const { deliveryTimeout } = this.#cluster.settings
    for (
      let first = queue.parcels[0];
      first !== undefined && now - first.since >= deliveryTimeout;
      first = queue.parcels[0]
    ) {
      // What becomes of it nobody will hear; batches behind it must not be taken for its repetition.
      if (first.sequence !== undefined) this.#identity.renew()
      const { entries } = first
      const error = unavailable('for as long as an event may wait', undefined)
      this.#end(queue, { status: 'unknown', error })
      queue.giveUpBehind(entries, error)
    }
  }

  /** Waits for what is on its way, so long; then gives up the rest. Idempotent. */
  async close(patience: number): Promise<void> {
    if (this.#ended) return
    const { runtime } = this.#cluster.host
    if (this.#flights.size > 0) await within(runtime, patience, Promise.all([...this.#flights].map(({ done }) => done)))
    this.abandon()
  }

  /** Gives up everything at once. */
  abandon(): void {
    this.#ended = true
    this.#alarm.cancel()
    const error = new TidingsError('TIDINGS_CLOSED', 'The Kafka transport was closed before the broker had answered.')
    for (const flight of this.#flights) flight.giveUp(error)
    this.#cluster.release(this.#connections)
  }

  #now(): Moment {
    const { runtime } = this.#cluster.host
    return { wall: runtime.now(), monotonic: runtime.monotonic() }
  }
}
