import type { Channel } from 'rabbitmq-client'
import {
  type Counter,
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

import { closedError, reasonOf } from '../connection/broker-error.ts'
import type { Link } from '../connection/link.ts'
import { Upkeep } from '../connection/upkeep.ts'
import type { RabbitmqSettings } from '../rabbitmq-options.ts'
import { namesOf, routingKey } from '../topology/names.ts'
import { toMessage } from '../wire/to-message.ts'
import { type Entry, Lines } from './lines.ts'

const stored: Outcome = Object.freeze({ status: 'stored' })

/**
 * Hands events over on one channel with confirms: what is ready flies while the previous flies, at most `window` at once and one of each stream.
 * The channel is rebuilt whenever it has ended; what was flying then is `unknown`, what had not left yet waits until its time is over.
 */
export class Publisher {
  readonly #link: Link
  readonly #settings: RabbitmqSettings
  readonly #host: Host
  readonly #exchange: string
  readonly #declare: (channel: Channel) => Promise<void>
  readonly #lines = new Lines()
  readonly #ready = new Ring<Entry>()
  /** In the order of their deadlines, those with an outcome included. */
  readonly #dated = new Ring<Entry>()
  readonly #unrouted: Counter
  readonly #upkeep: Upkeep
  readonly #stopListening: () => void
  #channel: Channel | undefined
  /** On their way over the channel there is, in no order. */
  readonly #flights: Entry[] = []
  #open = 0
  #pumping = false
  #timer: Timer | undefined
  #closing = false
  #idle: (() => void) | undefined
  /** The broker's own limit may be lower than ours; it is learnt when it is met. */
  #maxBytes: number

  /** @param declare Makes what events are published to, should it be missing. */
  constructor(link: Link, settings: RabbitmqSettings, host: Host, declare: (channel: Channel) => Promise<void>) {
    this.#link = link
    this.#settings = settings
    this.#host = host
    this.#declare = declare
    this.#exchange = namesOf(settings.prefix).events
    this.#maxBytes = settings.maxBytes
    this.#unrouted = host.meter.counter('tidings.transport.unrouted', { transport: 'rabbitmq' })
    this.#upkeep = new Upkeep(
      host,
      () => this.#build(),
      (error, failures) => {
        if (failures === 2)
          host.log('warn', 'Events cannot be handed to RabbitMQ; trying on.', { reason: reasonOf(error) })
      },
    )
    this.#stopListening = link.onUp(() => {
      if (this.#channel === undefined && link.up) this.#upkeep.soon()
      this.#pumpSoon()
    })
    if (link.up) this.#upkeep.soon()
  }

  publish(batch: readonly EventRecord[], signal?: AbortSignal): Promise<readonly Outcome[]> {
    if (this.#closing) return Promise.reject(closedError())
    if (batch.length === 0) return Promise.resolve([])
    if (signal?.aborted === true)
      return Promise.resolve(batch.map(() => unknown('The publish was given up', signal.reason)))
    return new Promise((resolve) => {
      const outcomes = new Array<Outcome>(batch.length)
      let left = batch.length
      const deadline = this.#host.runtime.monotonic() + this.#settings.publishTimeout
      const entries = batch.map((record, at) =>
        this.#entry(record, deadline, (outcome) => {
          outcomes[at] = outcome
          if (--left > 0) return
          signal?.removeEventListener('abort', giveUp)
          resolve(outcomes)
        }),
      )
      const giveUp = (): void => {
        for (const entry of entries) this.#giveUp(entry, unknown('The publish was given up', signal?.reason))
      }
      signal?.addEventListener('abort', giveUp, { once: true })
      for (const entry of entries) this.#submit(entry)
      this.#pumpSoon()
    })
  }

  /** Takes nothing more. Waits until everything has an outcome, at most `ms`; then what is left is `unknown`. */
  async close(ms: number): Promise<void> {
    this.#closing = true
    if (this.#open > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#host.runtime.setTimer(ms, resolve)
        this.#idle = () => {
          timer.cancel()
          resolve()
        }
      })
    }
    this.#stopListening()
    this.#timer?.cancel()
    for (let next = this.#dated.peek(); next !== undefined; next = this.#dated.peek())
      this.#answer(next, unknown('The transport was closed'))
    await within(this.#host.runtime, ms, this.#end()).catch(() => false)
  }

  async #end(): Promise<void> {
    await this.#upkeep.end()
    await this.#channel?.close()
  }

  #entry(record: EventRecord, deadline: number, answer: (outcome: Outcome) => void): Entry {
    const stream = streamText(record)
    const key = routingKey(partitionOf(stream, this.#settings.partitions), record.category)
    return {
      record,
      stream,
      routingKey: key ?? '',
      deadline,
      answer,
      stage: 'waiting',
      answered: false,
      previous: undefined,
      next: undefined,
      flight: -1,
    }
  }

  #submit(entry: Entry): void {
    this.#open++
    if (entry.routingKey === '') {
      entry.stage = 'over'
      this.#answer(entry, refused(topicTooLong()))
      return
    }
    this.#dated.push(entry)
    if (this.#timer === undefined) this.#watchTime()
    if (this.#lines.join(entry)) this.#makeReady(entry)
  }

  #makeReady(entry: Entry): void {
    entry.stage = 'ready'
    this.#ready.push(entry)
  }

  /** What becomes ready in one turn leaves together; at once where nothing is on its way. */
  #pumpSoon(): void {
    if (this.#pumping || this.#ready.size === 0) return
    this.#pumping = true
    const run = (): void => {
      this.#pumping = false
      this.#pump()
    }
    if (this.#flights.length === 0) queueMicrotask(run)
    else this.#host.runtime.defer(run)
  }

  #pump(): void {
    const channel = this.#channel
    if (channel === undefined || this.#link.blocked || this.#ready.size === 0) return
    this.#link.gather()
    while (this.#flights.length < this.#settings.window && this.#channel === channel) {
      const entry = this.#ready.shift()
      if (entry === undefined) break
      if (entry.stage === 'ready') this.#send(channel, entry)
    }
  }

  #send(channel: Channel, entry: Entry): void {
    const { frameMax } = this.#settings
    let message: ReturnType<typeof toMessage>
    try {
      message = toMessage(entry.record, this.#exchange, entry.routingKey, { maxBytes: this.#maxBytes, frameMax })
    } catch (error) {
      this.#answer(entry, refused(error as Error))
      this.#follow(this.#lines.leave(entry))
      return
    }
    entry.stage = 'flying'
    entry.flight = this.#flights.push(entry) - 1
    channel.basicPublish(message.envelope, message.body).then(
      () => this.#landed(entry),
      (error: unknown) => this.#crashed(entry, error),
    )
  }

  #landed(entry: Entry): void {
    if (!this.#touchDown(entry)) return
    this.#answer(entry, stored)
    this.#follow(this.#lines.leave(entry))
    this.#pumpSoon()
  }

  #crashed(entry: Entry, error: unknown): void {
    this.#learn(error)
    if (!this.#touchDown(entry)) return
    this.#answer(entry, unknown(`RabbitMQ has not confirmed the event (${reasonOf(error)})`, error))
    this.#dissolve(entry)
    this.#pumpSoon()
  }

  /** False where its flight had ended before. */
  #touchDown(entry: Entry): boolean {
    const { flight } = entry
    if (flight === -1) return false
    entry.flight = -1
    const last = this.#flights.pop() as Entry
    if (last === entry) return true
    this.#flights[flight] = last
    last.flight = flight
    return true
  }

  #follow(next: Entry | undefined): void {
    if (next !== undefined) this.#makeReady(next)
  }

  #dissolve(entry: Entry): void {
    for (const behind of this.#lines.cut(entry))
      this.#answer(behind, unknown('An earlier event of the same stream was not confirmed'))
  }

  /** The publisher waits no longer. What flies may still arrive, and keeps its place at the head of its stream. */
  #giveUp(entry: Entry, outcome: Outcome): void {
    if (entry.answered) return
    this.#answer(entry, outcome)
    if (entry.stage !== 'flying') this.#dissolve(entry)
  }

  #answer(entry: Entry, outcome: Outcome): void {
    if (entry.answered) return
    entry.answered = true
    this.#open--
    while (this.#dated.peek()?.answered === true) this.#dated.shift()
    entry.answer(outcome)
    if (this.#open === 0) this.#idle?.()
  }

  #watchTime(): void {
    this.#timer = undefined
    const oldest = this.#dated.peek()
    if (oldest === undefined) return
    const { runtime } = this.#host
    this.#timer = runtime.setTimer(Math.max(1, oldest.deadline - runtime.monotonic()), () => this.#lateOnes())
  }

  #lateOnes(): void {
    const now = this.#host.runtime.monotonic()
    let silent = false
    for (let next = this.#dated.peek(); next !== undefined && next.deadline <= now; next = this.#dated.peek()) {
      silent ||= next.stage === 'flying'
      this.#giveUp(next, unknown(`RabbitMQ has not confirmed the event within ${this.#settings.publishTimeout} ms`))
    }
    this.#watchTime()
    const channel = this.#channel
    if (!silent || channel === undefined || this.#link.blocked) return
    // A channel that confirms nothing, though the broker has not said why, is not waited for any longer.
    void channel.close()
    this.#abandon()
  }

  async #build(): Promise<void> {
    if (this.#channel !== undefined || !this.#link.up) return
    const { runtime } = this.#host
    const { connectTimeout } = this.#settings
    // A broker that is connected and answers nothing is as good as none.
    if (!(await within(runtime, connectTimeout, this.#prepare()))) this.#link.restart()
  }

  async #prepare(): Promise<void> {
    const channel = await this.#link.acquire()
    await this.#declare(channel)
    channel.on('basic.return', () => this.#unrouted.add(1))
    await channel.confirmSelect()
    if (!channel.active) throw new TidingsError('TIDINGS_BROKER_UNAVAILABLE', 'The channel has ended.')
    this.#channel = channel
    channel.once('close', () => {
      if (this.#channel === channel) this.#abandon()
    })
    this.#pumpSoon()
  }

  /**
   * What flies is unknown, and another channel is built. The client itself forgets those that it had just written when a connection broke: it
   * would never say what became of them.
   */
  #abandon(): void {
    this.#channel = undefined
    const gone = new TidingsError('TIDINGS_BROKER_UNAVAILABLE', 'The channel has ended.')
    for (const entry of [...this.#flights]) this.#crashed(entry, gone)
    if (this.#link.up) this.#upkeep.soon()
  }

  #learn(error: unknown): void {
    const limit = /message size \d+ is larger than (?:configured )?max size (\d+)/.exec(
      String((error as Error | undefined)?.message),
    )
    if (limit === null) return
    this.#maxBytes = Math.min(this.#maxBytes, Number(limit[1]))
    this.#host.log('warn', 'RabbitMQ takes smaller messages only; larger events are refused from now on.', {
      maxBytes: this.#maxBytes,
    })
  }
}

function unknown(why: string, cause?: unknown): Outcome {
  return { status: 'unknown', error: new TidingsError('TIDINGS_BROKER_UNAVAILABLE', `${why}.`, { cause }) }
}

function refused(error: Error): Outcome {
  return { status: 'refused', error }
}

function topicTooLong(): TidingsError {
  return new TidingsError(
    'TIDINGS_INVALID_EVENT',
    'The `category` of an event must not be longer than 250 bytes on RabbitMQ.',
    {
      details: { field: 'category', limit: 250 },
    },
  )
}
