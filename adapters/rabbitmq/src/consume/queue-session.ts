import type { Channel } from 'rabbitmq-client'
import { type Delivery, Ring } from 'tidings/spi'

import type { RawMessage } from '../connection/client-insides.ts'

/** A delivery that was handed over. */
interface Slot {
  readonly tag: number
  state: 'open' | 'again' | 'done' | 'acked'
}

/**
 * One life of one consumer on one queue, over one channel, from its first message to its end. What is not acknowledged when the channel ends goes
 * back to the head of the queue in its old order; that is the only way back that keeps order, for RabbitMQ shuffles what is rejected together,
 * and rejected one by one others slip in between. So a delivery that shall come again ends the session: it freezes when the first is given back, and
 * when all that was handed over is settled it wants to be replaced.
 *
 * listening → assigning → owned → leaving → over, and from each → over.
 */
export class QueueSession {
  readonly channel: Channel
  stage: 'listening' | 'assigning' | 'owned' | 'leaving' | 'over' = 'listening'
  /** Whether the sink knows that the partition is ours. */
  told = false
  /** Something was given back: nothing more is handed over. */
  frozen = false
  /** Whether anything was done in this session. */
  useful = false
  readonly #waiting = new Ring<RawMessage>()
  readonly #slots = new Map<Delivery, Slot>()
  /** Handed over and not acknowledged yet, by tag. */
  readonly #order = new Ring<Slot>()
  #settled: Slot[] = []

  constructor(channel: Channel) {
    this.channel = channel
  }

  /** Messages that can be handed over now. */
  get waiting(): number {
    return this.stage === 'owned' && !this.frozen ? this.#waiting.size : 0
  }

  /** Whether nothing lies here, handed over or not. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#order.size === 0
  }

  /** Everything that was handed over is settled, and some of it shall come again. */
  get spent(): boolean {
    return this.frozen && this.#slots.size === 0
  }

  arrive(message: RawMessage): void {
    if (this.stage !== 'over' && this.stage !== 'leaving') this.#waiting.push(message)
  }

  /** The next to be handed over, as `read` makes it out. */
  take(read: (message: RawMessage) => Delivery): Delivery | undefined {
    const message = this.waiting === 0 ? undefined : this.#waiting.shift()
    if (message === undefined) return undefined
    const delivery = read(message)
    const slot: Slot = { tag: message.deliveryTag, state: 'open' }
    this.#slots.set(delivery, slot)
    this.#order.push(slot)
    return delivery
  }

  /** Returns whether it was handed over by this session and not settled before. */
  settle(delivery: Delivery, how: 'done' | 'again'): boolean {
    const slot = this.#slots.get(delivery)
    if (slot === undefined) return false
    this.#slots.delete(delivery)
    slot.state = how
    if (how === 'again') this.frozen = true
    else {
      this.useful = true
      this.#settled.push(slot)
    }
    return true
  }

  /** Tells the broker what is done: in one word as far as that goes without a gap, else one by one. */
  acknowledge(): void {
    const settled = this.#settled
    this.#settled = []
    if (!this.channel.active || settled.length === 0) return
    let upTo = 0
    for (let head = this.#order.peek(); head?.state === 'done' || head?.state === 'acked'; head = this.#order.peek()) {
      this.#order.shift()
      if (head.state === 'done') upTo = head.tag
    }
    if (upTo > 0) this.channel.basicAck({ deliveryTag: upTo, multiple: true })
    for (const slot of settled) {
      if (slot.tag <= upTo) continue
      this.channel.basicAck({ deliveryTag: slot.tag, multiple: false })
      slot.state = 'acked'
    }
  }

  /** Forgets everything; what was not acknowledged comes again elsewhere. */
  end(): void {
    this.stage = 'over'
    this.#slots.clear()
    this.#settled = []
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift());
  }
}
