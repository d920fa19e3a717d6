import { AckPolicy, type ConsumerConfig, DeliverPolicy, ReplayPolicy } from '@nats-io/jetstream'
import { type Msg, nanos, type Subscription } from '@nats-io/transport-node'
import { type Host, Ring, type Timer } from 'tidings/spi'

import type { Link } from '../connection/link.ts'
import { tokenOf } from '../stream/subjects.ts'
import type { Received } from '../wire/decode-event.ts'
import { rawMessage } from '../wire/raw-message.ts'
import { deliveryPlace } from './delivery-place.ts'
import { type PullStatus, pullStatus } from './pull-status.ts'

/** A message that waits to be delivered. */
export interface WaitingMessage extends Received {
  /** Its number in the stream. */
  readonly offset: number
  readonly subject: string
}

export interface PartitionReaderOptions {
  readonly link: Link
  readonly host: Host
  readonly stream: string
  readonly partition: number
  readonly filters: readonly string[]
  /** Begins the names of its consumers on the server. */
  readonly group: string
  /** How much it may keep ahead, now. */
  readonly share: () => { readonly events: number; readonly bytes: number }
  /** Something waits. */
  readonly arrived: () => void
  /** The server refuses a consumer. True: there is no use in trying again. */
  readonly refused: (error: unknown) => boolean
}

/** How often the server gives a sign of life while a request waits, in milliseconds. */
export const heartbeat = 5_000
/** How long a request waits on the server, in milliseconds. */
const expires = 30_000
/** How long the server keeps a consumer that nobody asks, in milliseconds. A reader without credit for that long makes it anew. */
const inactivity = 120_000

/**
 * Reads one partition from a place on, ahead of what is asked for by as much as its share allows: by a consumer on the server that
 * acknowledges nothing and lives no longer than the reader wants it. Messages that are missing, a server that says nothing, a
 * connection that was lost: each time a new consumer goes on after the last message that came.
 *
 * resting (no place yet) → opening ⇄ reading, and from each → stopped.
 */
export class PartitionReader {
  readonly partition: number
  readonly #options: PartitionReaderOptions
  #waiting = new Ring<WaitingMessage>()
  /** Up to where the sink was told that there is nothing more. */
  reported = -1
  #place = 0
  #bytes = 0
  /** Messages that were asked for and have not come. */
  #asked = 0
  #expected = 1
  /** Grows with each consumer; what belongs to an older one counts for nothing. */
  #generation = 0
  #inbox = ''
  #consumer: string | undefined
  #subscription: Subscription | undefined
  #retry: Timer | undefined
  #failures = 0
  /** Looks in a row without a sign of life. */
  #silent = 0
  /** The next message is larger than a share of bytes. */
  #large = false
  #state: 'resting' | 'running' | 'stopped' = 'resting'

  constructor(options: PartitionReaderOptions) {
    this.#options = options
    this.partition = options.partition
  }

  get filters(): readonly string[] {
    return this.#options.filters
  }

  /** Number of the last message that came, or a later one up to which there is none. */
  get place(): number {
    return this.#place
  }

  get waiting(): number {
    return this.#waiting.size
  }

  get running(): boolean {
    return this.#state === 'running'
  }

  /** Reads what comes after a number. */
  begin(after: number): void {
    if (this.#state !== 'resting') return
    this.#state = 'running'
    this.#place = after
    this.#open()
  }

  /** The next message that waits. */
  take(): WaitingMessage | undefined {
    const message = this.#waiting.shift()
    if (message === undefined) return undefined
    this.#bytes -= sizeOf(message)
    return message
  }

  /** Asks for more where there is room; call when enough was taken. */
  refill(): void {
    this.#ask()
  }

  /** There is no message of this partition up to here which has not come. */
  passTo(offset: number): void {
    if (offset > this.#place) this.#place = offset
  }

  /** The connection is a new one, or gone. */
  reconnect(): void {
    if (this.#state !== 'running') return
    this.#failures = 0
    this.#open()
  }

  /** Looks whether the server still answers; call about as often as it beats. */
  check(): void {
    if (this.#consumer === undefined || this.#asked === 0) return
    if (++this.#silent > 2) this.#again('the server has gone silent')
  }

  stop(): void {
    this.#state = 'stopped'
    this.#leave()
    this.#waiting = new Ring()
    this.#bytes = 0
  }

  #open(): void {
    this.#leave()
    if (this.#options.link.up) void this.#create(this.#generation)
  }

  /** Forgets the consumer there was, and tells the server to. */
  #leave(): void {
    this.#generation++
    this.#retry?.cancel()
    this.#retry = undefined
    this.#subscription?.unsubscribe()
    this.#subscription = undefined
    if (this.#consumer !== undefined) this.#discard(this.#consumer)
    this.#consumer = undefined
    this.#asked = 0
    this.#expected = 1
    this.#silent = 0
    this.#large = false
  }

  #discard(consumer: string): void {
    const { link, stream } = this.#options
    if (!link.up) return
    // It goes by itself after a while; nobody waits for an answer.
    link.nats.publish(`${link.api}.CONSUMER.DELETE.${stream}.${consumer}`)
  }

  async #create(generation: number): Promise<void> {
    const { link, stream, partition, refused } = this.#options
    try {
      this.#inbox = link.inbox()
      this.#subscription = link.nats.subscribe(this.#inbox, {
        callback: (error, message) => {
          if (generation === this.#generation) this.#received(error, message)
        },
      })
      const { name } = await link.ask(`for partition ${partition}`, () =>
        link.manager.consumers.add(stream, this.#config()),
      )
      if (generation !== this.#generation) {
        this.#discard(name)
        return
      }
      this.#consumer = name
      this.#ask()
    } catch (error) {
      if (generation === this.#generation && !refused(error)) this.#again('no consumer could be made', error)
    }
  }

  #config(): Partial<ConsumerConfig> {
    const { group, partition, filters, host } = this.#options
    return {
      name: `${tokenOf(group).slice(0, 60)}-${partition}-${host.runtime.id()}`,
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: this.#place + 1,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(inactivity),
      ...(filters.length === 1 ? { filter_subject: filters[0] as string } : { filter_subjects: [...filters] }),
    }
  }

  /** Runs inside the client's parser: it must not throw. */
  #received(error: Error | null, message: Msg): void {
    try {
      this.#silent = 0
      if (error !== null) this.#again('the server refuses to deliver', error)
      else if (message.subject === this.#inbox) this.#told(pullStatus(rawMessage(message).headers))
      else this.#take(message)
    } catch (failure) {
      this.#again('a message could not be read', failure)
    }
  }

  #take(message: Msg): void {
    const at = deliveryPlace(message.reply ?? '')
    if (at === undefined) return
    if (at.consumer !== this.#expected) {
      this.#again('messages are missing')
      return
    }
    this.#expected++
    this.#failures = 0
    if (this.#asked > 0) this.#asked--
    if (at.stream <= this.#place) return
    this.#place = at.stream
    const { headers, body } = rawMessage(message)
    const waiting = { offset: at.stream, subject: message.subject, headers, body }
    this.#waiting.push(waiting)
    this.#bytes += sizeOf(waiting)
    this.#options.arrived()
    this.#ask()
  }

  #told(status: PullStatus): void {
    if (status.kind === 'beat') return
    if (status.kind === 'over') {
      this.#again(`the server answers ${status.code}`)
      return
    }
    this.#failures = 0
    this.#large = status.full && this.#waiting.size === 0
    this.#asked = Math.max(0, this.#asked - status.left)
    // The same request would be told the same at once; the next one follows when something of what waits was taken.
    if (status.full && this.#waiting.size > 0) return
    this.#ask()
  }

  #ask(): void {
    const { link, share } = this.#options
    if (this.#consumer === undefined || !link.up) return
    const { events, bytes } = share()
    const held = this.#waiting.size + this.#asked
    if (held > events / 2 || this.#bytes > bytes / 2) return
    const batch = this.#large ? 1 : events - held
    this.#large = false
    const request = {
      batch,
      expires: nanos(expires),
      idle_heartbeat: nanos(heartbeat),
      ...(batch > 1 && { max_bytes: bytes }),
    }
    this.#asked += batch
    link.nats.publish(
      `${link.api}.CONSUMER.MSG.NEXT.${this.#options.stream}.${this.#consumer}`,
      JSON.stringify(request),
      {
        reply: this.#inbox,
      },
    )
  }

  /** A new consumer after a while. */
  #again(because: string, error?: unknown): void {
    const { host, link, partition } = this.#options
    this.#leave()
    if (this.#state !== 'running' || !link.up) return
    const wait = Math.min(5_000, 20 * 2 ** Math.min(this.#failures, 10)) * (0.5 + host.runtime.random() / 2)
    this.#failures++
    host.log('debug', 'A partition is read by a new consumer.', { partition, because, in: Math.round(wait), error })
    this.#retry = host.runtime.setTimer(wait, () => this.#open())
  }
}

function sizeOf({ headers, body }: WaitingMessage): number {
  return body.byteLength + (headers?.byteLength ?? 0) + 64
}
