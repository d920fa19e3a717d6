import {
  type EventRecord,
  isTidingsError,
  type Outcome,
  partitionOf,
  TidingsError,
  type Timer,
  within,
} from 'tidings/spi'

import {
  BrokerError,
  closed,
  duplicateSequence,
  hasMoved,
  invalidProducerEpoch,
  invalidProducerMapping,
  invalidRecord,
  invalidTimestamp,
  messageTooLarge,
  nameOfError,
  noError,
  outOfOrderSequence,
  recordListTooLarge,
  unavailable,
  unknownProducer,
  unknownTopic,
} from '../client/broker-error.ts'
import { type Cluster, pauseAfter } from '../client/cluster.ts'
import type { Connections } from '../client/connections.ts'
import type { OutTopic, Topics } from '../topics/topics.ts'
import { keyOf } from '../wire/message.ts'
import { Flight } from './flight.ts'
import { type Load, type Moment, type Parcel, PartitionQueue } from './partition-queue.ts'
import { type PartAnswer, sendProduce } from './produce-request.ts'
import { ProducerIdentity } from './producer-identity.ts'

/** Bytes of one request; a single batch may be larger. */
const mostBytes = 8_388_608
/** Bytes that may wait for brokers. */
const mostWaiting = 134_217_728

/** Errors of a batch that some of its records may have caused. */
const divisible = new Set([messageTooLarge, recordListTooLarge, invalidTimestamp, invalidRecord])
/** Errors that say a broker does not know us as it should. */
const mistaken = new Set([outOfOrderSequence, unknownProducer, invalidProducerEpoch, invalidProducerMapping])

interface Sent {
  readonly queue: PartitionQueue
  readonly parcel: Parcel
}

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
  readonly #queues = new Map<OutTopic, PartitionQueue[]>()
  /** Those in which something waits. */
  readonly #waiting = new Set<PartitionQueue>()
  /** Brokers with a request under way. */
  readonly #busy = new Set<number>()
  readonly #flights = new Set<Flight>()
  readonly #load: Load = { bytes: 0 }
  #scheduled = false
  #timer: Timer | undefined
  #due = 0
  #refreshed = 0
  #ended = false

  constructor(cluster: Cluster, topics: Topics) {
    this.#cluster = cluster
    this.#topics = topics
    const { requestTimeout } = cluster.settings
    // A broker that cannot answer in time says so before the connection is given up.
    this.#connections = cluster.connections(requestTimeout * 1.25)
    this.#identity = new ProducerIdentity(cluster)
  }

  async publish(events: readonly EventRecord[], signal: AbortSignal | undefined): Promise<readonly Outcome[]> {
    const flight = new Flight(events)
    if (events.length === 0) return flight.done
    if (signal?.aborted === true) flight.giveUp(reasonOf(signal))
    const abort = (): void => flight.giveUp(reasonOf(signal as AbortSignal))
    signal?.addEventListener('abort', abort, { once: true })
    this.#flights.add(flight)
    const missing = this.#missing(flight)
    if (missing === undefined) this.#enqueue(flight, undefined)
    else void this.#open(missing).then((failures) => this.#enqueue(flight, failures))
    const outcomes = await flight.done
    signal?.removeEventListener('abort', abort)
    this.#flights.delete(flight)
    return outcomes
  }

  /** Categories that are published to for the first time. */
  #missing({ events }: Flight): Set<string> | undefined {
    let missing: Set<string> | undefined
    for (const { category } of events)
      if (this.#topics.opened(category) === undefined) missing = (missing ?? new Set<string>()).add(category)
    return missing
  }

  async #open(categories: ReadonlySet<string>): Promise<ReadonlyMap<string, Error>> {
    const failures = new Map<string, Error>()
    await Promise.all(
      [...categories].map((category) =>
        this.#topics.open(category).catch((error: unknown) => failures.set(category, error as Error)),
      ),
    )
    return failures
  }

  #enqueue(flight: Flight, failures: ReadonlyMap<string, Error> | undefined): void {
    const now = this.#now()
    for (let at = 0; at < flight.events.length; at++) {
      if (flight.ended(at)) continue
      const { category } = flight.events[at] as EventRecord
      const topic = this.#topics.opened(category)
      if (this.#ended) flight.end(at, { status: 'unknown', error: closed() })
      else if (topic === undefined) flight.end(at, outcomeOf(failures?.get(category)))
      else if (this.#load.bytes > mostWaiting) flight.end(at, { status: 'unknown', error: overloaded() })
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
    this.#wake(wait)
  }

  /** Sees to it that retries and the end of patience come without being asked for. */
  #wake(wait: number): void {
    const { runtime } = this.#cluster.host
    const due = runtime.monotonic() + wait
    if (this.#timer !== undefined && this.#due <= due && wait !== Number.POSITIVE_INFINITY) return
    this.#timer?.cancel()
    this.#timer = undefined
    if (wait === Number.POSITIVE_INFINITY) return
    this.#due = due
    this.#timer = runtime.setTimer(Math.ceil(wait), () => {
      this.#timer = undefined
      this.#leave()
    })
  }

  async #send(leader: number, all: readonly Sent[]): Promise<void> {
    this.#busy.add(leader)
    const sent = fitting(all)
    try {
      const { client, requests, settings } = this.#cluster
      const connection = await this.#cluster.node(this.#connections, leader)
      const version = await requests.version(connection, 'produce')
      await this.#number(sent)
      const parts = sent.map(({ queue, parcel }) => ({
        topic: queue.topic.name,
        partition: queue.partition,
        bytes: parcel.batch.seal(parcel.sequence as NonNullable<Parcel['sequence']>, client.crc32c),
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
  async #number(sent: readonly Sent[]): Promise<void> {
    if (sent.every(({ parcel }) => parcel.sequence !== undefined)) return
    const { producerId, epoch } = this.#identity.current ?? (await this.#identity.get())
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
    if (queue.parcels[0] !== parcel) return
    const now = this.#now()
    if (error === noError || error === duplicateSequence) this.#end(queue, { status: 'stored' })
    else if (mistaken.has(error)) {
      // Sent under new numbers it may be there twice, which receivers see by its id; not sent it might be lost.
      this.#identity.renew()
      parcel.sequence = undefined
      this.#failed(queue, now.monotonic, error)
    } else if (divisible.has(error) && parcel.entries.length > 1) {
      // Nothing of it was kept, so its numbers are free again.
      queue.next = (parcel.sequence as NonNullable<Parcel['sequence']>).first
      queue.split(now)
    } else if (divisible.has(error)) {
      queue.next = (parcel.sequence as NonNullable<Parcel['sequence']>).first
      this.#end(queue, {
        status: 'refused',
        error: error === messageTooLarge ? tooLarge(queue.topic) : refused(error, message),
      })
    } else this.#failed(queue, now.monotonic, error)
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
      log(queue.failures > 3 ? 'warn' : 'debug', 'Kafka does not take events now; trying again.', {
        topic: queue.topic.name,
        partition: queue.partition,
        reason: nameOfError(error),
      })
    }
    if ((error === undefined || hasMoved(error)) && now - this.#refreshed > 50) {
      this.#refreshed = now
      const looking = error === unknownTopic ? this.#topics.ensure([queue.topic.name]) : this.#topics.refresh()
      looking.then(
        () => this.#schedule(),
        (reason: unknown) =>
          log('warn', 'Kafka does not tell who leads a topic.', { topic: queue.topic.name, error: reason }),
      )
    }
    return pause
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
    this.#timer?.cancel()
    const error = new TidingsError('TIDINGS_CLOSED', 'The Kafka transport was closed before the broker had answered.')
    for (const flight of this.#flights) flight.giveUp(error)
    this.#cluster.release(this.#connections)
  }

  #now(): Moment {
    const { runtime } = this.#cluster.host
    return { wall: runtime.now(), monotonic: runtime.monotonic() }
  }
}

/** As many as one request should hold. */
function fitting(all: readonly Sent[]): readonly Sent[] {
  let bytes = 0
  const most = all.findIndex(({ parcel }, at) => (bytes += parcel.batch.size) > mostBytes && at > 0)
  return most === -1 ? all : all.slice(0, most)
}

/** What becomes of events whose topic could not be opened. */
function outcomeOf(error: Error = unavailable('while a topic was looked for', undefined)): Outcome {
  return { status: isTidingsError(error, 'TIDINGS_INVALID_EVENT') ? 'refused' : 'unknown', error }
}

function tooLarge({ name, rules: { maxBytes } }: OutTopic): TidingsError {
  return new TidingsError(
    'TIDINGS_TOO_LARGE',
    `The event is larger than topic ${name} takes, ${maxBytes} bytes with everything around it.`,
    {
      details: { topic: name, limit: maxBytes },
    },
  )
}

function refused(error: number, message: string | null): TidingsError {
  return new TidingsError(
    'TIDINGS_UNIT_REFUSED',
    `Kafka refuses the event: ${message?.slice(0, 200) ?? nameOfError(error)}`,
    {
      cause: new BrokerError(error, 'an event'),
      details: { error: nameOfError(error) },
    },
  )
}

function overloaded(): TidingsError {
  return new TidingsError('TIDINGS_OVERLOADED', 'Too much waits for Kafka already; publish it again later.', {
    details: { limit: mostWaiting },
  })
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error
    ? signal.reason
    : new Error('Publishing was given up.', { cause: signal.reason })
}
