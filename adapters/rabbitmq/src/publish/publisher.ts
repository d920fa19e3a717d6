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
import { encodeEvent } from '../wire/encode-event.ts'
import { ConfirmChannel } from './confirm-channel.ts'
import { type Entry, Lines } from './lines.ts'
import { refused, stored, topicTooLong, unknown } from './outcomes.ts'

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
  #channel: ConfirmChannel<Entry> | undefined
  #open = 0
  #pumping = false
  #timer: Timer | undefined
  /** Said already that nothing is confirmed. */
  #troubled = false
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
    await this.#link.release(this.#channel)
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
    if (this.#channel?.flying === 0) queueMicrotask(run)
    else this.#host.runtime.defer(run)
  }

  #pump(): void {
    const channel = this.#channel
    if (channel === undefined || this.#link.blocked) return
    while (channel.flying < this.#settings.window && !channel.full) {
      const entry = this.#ready.shift()
      if (entry === undefined) break
      if (entry.stage === 'ready') this.#send(channel, entry)
    }
    channel.flush()
  }

  #send(channel: ConfirmChannel<Entry>, entry: Entry): void {
    try {
      const place = { ...channel.place, exchange: this.#exchange, maxBytes: this.#maxBytes }
      channel.write(encodeEvent(entry.record, entry.routingKey, place), entry)
      entry.stage = 'flying'
    } catch (error) {
      this.#answer(entry, refused(error as Error))
      this.#follow(this.#lines.leave(entry))
    }
  }

  #landed(entry: Entry): void {
    this.#troubled = false
    this.#answer(entry, stored)
    this.#follow(this.#lines.leave(entry))
    this.#pumpSoon()
  }

  #crashed(entry: Entry, reason: string): void {
    this.#answer(entry, unknown(`RabbitMQ has not confirmed the event (${reason})`))
    this.#dissolve(entry)
    this.#pumpSoon()
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
    // A channel that confirms nothing, though the broker has not said why, is not waited for any longer.
    if (!silent || this.#link.blocked) return
    if (!this.#troubled) {
      this.#troubled = true
      this.#host.log('warn', 'RabbitMQ confirms nothing; trying on. It may have a quorum queue without a leader.')
    }
    void this.#channel?.close()
  }

  async #build(): Promise<void> {
    if (this.#channel !== undefined || !this.#link.up) return
    const { runtime } = this.#host
    const { connectTimeout } = this.#settings
    // A broker that is connected and answers nothing is as good as none.
    if (!(await within(runtime, connectTimeout, this.#prepare()))) this.#link.restart()
  }

  async #prepare(): Promise<void> {
    const channel = await this.#link.acquire((error) => this.#learn(error))
    await this.#declare(channel)
    channel.on('basic.return', () => this.#unrouted.add(1))
    await channel.confirmSelect()
    if (!channel.active) throw new TidingsError('TIDINGS_BROKER_UNAVAILABLE', 'The channel has ended.')
    const mine: ConfirmChannel<Entry> = new ConfirmChannel(channel, {
      confirmed: (entry) => this.#landed(entry),
      refused: (entry) => this.#crashed(entry, 'NACK'),
      drained: () => this.#pumpSoon(),
      ended: (left) => {
        if (this.#channel === mine) this.#channel = undefined
        for (const entry of left) this.#crashed(entry, 'CLOSED')
        if (this.#link.up) this.#upkeep.soon()
      },
    })
    this.#channel = mine
    this.#pumpSoon()
  }

  /** RabbitMQ has closed the channel over a message, and says which size it would have taken. */
  #learn(error: unknown): void {
    const limit = /larger than (?:configured )?max size (\d+)/.exec(String((error as Error | undefined)?.message))
    if (limit === null) return
    this.#maxBytes = Math.min(this.#maxBytes, Number(limit[1]))
    this.#host.log('warn', 'RabbitMQ takes smaller messages only; larger events are refused from now on.', {
      maxBytes: this.#maxBytes,
    })
  }
}
