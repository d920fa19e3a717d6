import type { Msg, Subscription } from '@nats-io/transport-node'
import {
  type EventRecord,
  type Host,
  type Outcome,
  partitionOf,
  Ring,
  streamText,
  TidingsError,
  type Timer,
  within,
} from 'tidings/spi'

import type { Link } from '../connection/link.ts'
import { tokenOf } from '../stream/subjects.ts'
import { type EncodedEvent, EncodedHeaders, encodeEvent } from '../wire/encode-event.ts'
import { rawMessage } from '../wire/raw-message.ts'
import { statusOf } from '../wire/read-headers.ts'
import { outcomeOf, unknown } from './ack.ts'

export interface PublisherOptions {
  readonly link: Link
  readonly host: Host
  readonly prefix: string
  readonly partitions: number
  /** Largest message, headers included. */
  readonly maxBytes: number
  /** Milliseconds until an event without an answer is `unknown`. */
  readonly timeout: number
  /** Nobody stores events of this stream. */
  readonly streamMissing: () => void
}

/** One event on its way. */
interface Entry {
  readonly lane: Lane
  readonly subject: string
  readonly encoded: EncodedEvent
  readonly done: (outcome: Outcome) => void
  state: 'waiting' | 'flying' | 'ended'
  /** When it left, by the monotonic clock. */
  left: number
}

/** Events of one stream: one flies, the others wait, so that none is stored after one before it was not. */
interface Lane {
  readonly stream: string
  readonly waiting: Ring<Entry>
}

/** Most events and bytes that wait for an answer of the server; beyond them it begins to refuse. */
const mostFlying = 2_048
const mostBytes = 33_554_432

/**
 * Publishes events as they come, as many at once as there are streams: of one stream each leaves when the one before it is stored. When one
 * is not, or nobody knows, those behind it that were handed over already are `unknown` and are not sent.
 */
export class Publisher {
  readonly #options: PublisherOptions
  readonly #lanes = new Map<string, Lane>()
  readonly #flying = new Map<number, Entry>()
  /** Ready to leave, but there are enough under way. */
  readonly #ready = new Ring<Entry>()
  readonly #inbox: string
  readonly #subscription: Subscription
  readonly #stopListening: () => void
  readonly #topics = new Map<string, string>()
  #bytes = 0
  #number = 0
  #timer: Timer | undefined
  #idle: (() => void) | undefined

  constructor(options: PublisherOptions) {
    this.#options = options
    const { link } = options
    this.#inbox = link.inbox()
    this.#subscription = link.nats.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#answered(message)
      },
    })
    const lost = (): void => this.#giveUp('The connection to NATS was lost before the answer came.')
    this.#stopListening = link.listen({ up: () => {}, down: lost, over: lost })
  }

  async publish(batch: readonly EventRecord[], signal?: AbortSignal): Promise<readonly Outcome[]> {
    if (batch.length === 0) return []
    if (signal?.aborted) return batch.map(() => aborted(signal))
    const outcomes = new Array<Outcome | undefined>(batch.length)
    return new Promise((resolve) => {
      let open = batch.length
      const end = (): void => {
        signal?.removeEventListener('abort', abort)
        resolve(outcomes as Outcome[])
      }
      const answer = (at: number, outcome: Outcome): void => {
        if (outcomes[at] !== undefined) return
        outcomes[at] = outcome
        if (--open === 0) end()
      }
      const entries: (Entry | undefined)[] = []
      const abort = (): void => {
        // What flies keeps its place until it is known what became of it; only nobody is told.
        for (const [at, entry] of entries.entries()) {
          if (entry?.state === 'waiting') entry.state = 'ended'
          answer(at, aborted(signal as AbortSignal))
        }
      }
      signal?.addEventListener('abort', abort, { once: true })
      for (const [at, record] of batch.entries()) {
        entries.push(this.#enter(record, (outcome) => answer(at, outcome)))
      }
    })
  }

  /** Waits a while for what is under way. */
  async close(): Promise<void> {
    const { host, link, timeout } = this.#options
    if (link.up && this.#flying.size > 0) {
      const ended = new Promise<void>((resolve) => void (this.#idle = resolve))
      await within(host.runtime, Math.min(timeout, 2_000), ended)
    }
    this.#giveUp('The transport was closed before the answer came.')
    this.#stopListening()
    this.#subscription.unsubscribe()
  }

  #enter(record: EventRecord, done: (outcome: Outcome) => void): Entry | undefined {
    const { prefix, partitions, maxBytes } = this.#options
    let encoded: EncodedEvent
    try {
      encoded = encodeEvent(record)
    } catch (error) {
      done({ status: 'refused', error: error as Error })
      return undefined
    }
    const bytes = sizeOf(encoded)
    if (bytes > maxBytes) {
      const message = `The event is ${bytes} bytes with its headers; the NATS server takes ${maxBytes}.`
      done({
        status: 'refused',
        error: new TidingsError('TIDINGS_TOO_LARGE', message, { details: { bytes, limit: maxBytes } }),
      })
      return undefined
    }
    const stream = streamText(record)
    const subject = `${prefix}.${this.#token(record.category)}.${partitionOf(stream, partitions)}`
    let lane = this.#lanes.get(stream)
    const first = lane === undefined
    if (lane === undefined) this.#lanes.set(stream, (lane = { stream, waiting: new Ring() }))
    const entry: Entry = { lane, subject, encoded, done, state: 'waiting', left: 0 }
    if (first) this.#leave(entry)
    else lane.waiting.push(entry)
    return entry
  }

  #token(category: string): string {
    let token = this.#topics.get(category)
    if (token === undefined) {
      token = tokenOf(category)
      if (this.#topics.size < 1_000) this.#topics.set(category, token)
    }
    return token
  }

  #leave(entry: Entry): void {
    if (this.#flying.size >= mostFlying || this.#bytes >= mostBytes) this.#ready.push(entry)
    else this.#send(entry)
  }

  #send(entry: Entry): void {
    const { link, host } = this.#options
    if (!link.up) {
      // Not at once: those that are handed over together with it must find it before them.
      queueMicrotask(() => this.#end(entry, unknown('There is no connection to NATS.')))
      return
    }
    const number = this.#number++
    entry.state = 'flying'
    entry.left = host.runtime.monotonic()
    this.#flying.set(number, entry)
    this.#bytes += sizeOf(entry.encoded)
    this.#watch()
    try {
      const headers = new EncodedHeaders(entry.encoded.headers)
      link.nats.publish(entry.subject, entry.encoded.body, { headers, reply: `${this.#inbox}.${number}` })
    } catch (error) {
      queueMicrotask(() => this.#land(number, entry, { status: 'unknown', error: error as Error }))
    }
  }

  /** Runs inside the client's parser: it must not throw. */
  #answered(message: Msg): void {
    const number = Number(message.subject.slice(this.#inbox.length + 1))
    const entry = this.#flying.get(number)
    if (entry === undefined) return
    const { headers, body } = rawMessage(message)
    if (headers !== undefined && statusOf(headers) === 503) {
      this.#land(
        number,
        entry,
        unknown('Nobody stores the events of this stream: it is gone, or JetStream is not there yet.'),
      )
      this.#options.streamMissing()
    } else this.#land(number, entry, outcomeOf(body))
  }

  #land(number: number, entry: Entry, outcome: Outcome): void {
    if (!this.#flying.delete(number)) return
    this.#bytes -= sizeOf(entry.encoded)
    this.#end(entry, outcome)
    while (this.#ready.size > 0 && this.#flying.size < mostFlying && this.#bytes < mostBytes) {
      const next = this.#ready.shift() as Entry
      if (next.state === 'ended') this.#next(next.lane)
      else this.#send(next)
    }
    if (this.#flying.size === 0) {
      this.#timer?.cancel()
      this.#timer = undefined
      this.#idle?.()
    }
  }

  /** Answers for an event, and for those behind it, where they cannot be sent any more. */
  #end(entry: Entry, outcome: Outcome): void {
    const { lane } = entry
    entry.state = 'ended'
    if (outcome.status === 'unknown') {
      this.#lanes.delete(lane.stream)
      const behind = unknown('An event before it in its stream was not stored, or nobody knows; it was not sent.')
      for (let next = lane.waiting.shift(); next !== undefined; next = lane.waiting.shift()) {
        next.state = 'ended'
        next.done(behind)
      }
    } else this.#next(lane)
    entry.done(outcome)
  }

  #next(lane: Lane): void {
    let next = lane.waiting.shift()
    // Given up by whoever handed it over.
    while (next?.state === 'ended') next = lane.waiting.shift()
    if (next === undefined) this.#lanes.delete(lane.stream)
    else this.#leave(next)
  }

  /** One timer for all: they leave in order, so the oldest is the first to be late. */
  #watch(): void {
    if (this.#timer !== undefined) return
    const { host, timeout } = this.#options
    this.#timer = host.runtime.setTimer(Math.max(10, timeout / 8), () => {
      this.#timer = undefined
      const late = host.runtime.monotonic() - timeout
      for (const [number, entry] of this.#flying) {
        if (entry.left > late) break
        this.#land(number, entry, unknown('NATS has not acknowledged the event in time.'))
      }
      if (this.#flying.size > 0) this.#watch()
    })
  }

  #giveUp(because: string): void {
    const outcome = unknown(because)
    const ready = [...this.#ready]
    while (this.#ready.shift() !== undefined);
    for (const [number, entry] of this.#flying) this.#land(number, entry, outcome)
    for (const entry of ready) this.#end(entry, outcome)
  }
}

function sizeOf({ headers, body }: EncodedEvent): number {
  return headers.byteLength + body.byteLength
}

function aborted(signal: AbortSignal): Outcome {
  const { reason } = signal as { reason: unknown }
  return {
    status: 'unknown',
    error: reason instanceof Error ? reason : new Error('Publishing was given up.', { cause: reason }),
  }
}
