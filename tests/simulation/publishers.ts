import { isTidingsError } from 'tidings'

import { type Order, OrderPaid, OrderPlaced, OrderSeen } from './definitions.ts'
import type { Published } from './facts.ts'
import { dedupWindow, type Instance } from './instance.ts'
import type { World } from './world.ts'

/** How long publishing goes on, in virtual milliseconds. */
export const publishingTime = 13_000

/** Publishes from whichever instances live, at random times, until enough was said. */
export class Publishers {
  readonly #world: World
  readonly #live: () => readonly Instance[]
  #said = 0
  #dedupKey = 0

  constructor(world: World, live: () => readonly Instance[]) {
    this.#world = world
    this.#live = live
  }

  start(): void {
    const { publishes } = this.#world.profile
    const mean = publishingTime / publishes
    const next = (): void => {
      if (this.#said >= publishes) return
      this.#world.after(this.#world.between(0, 2 * mean), () => {
        this.#say()
        next()
      })
    }
    next()
  }

  /** Whether everything was said that this world has to say. */
  get done(): boolean {
    return this.#said >= this.#world.profile.publishes
  }

  #say(): void {
    const world = this.#world
    const ready = this.#live().filter((instance) => instance.started && instance.running)
    if (ready.length === 0) return
    const instance = world.pick(ready)
    const way = world.runtime.random()
    if (way < 0.1) this.#batch(instance)
    else if (way < 0.2) this.#compete(ready)
    else if (way < 0.32) this.#repeat(ready)
    else if (way < 0.45) this.#insist(instance)
    else void this.#publish(instance, this.#order(), {})
  }

  #order(key = `k-${Math.floor(this.#world.runtime.random() * this.#world.profile.streams)}`): Order {
    const world = this.#world
    // Poison lies in two streams only, so that most of the world is well.
    const poison =
      (key === 'k-1' || key === 'k-2') && world.chance(0.2) ? (world.chance(0.5) ? 'error' : 'permanent') : undefined
    return { token: `t-${++this.#said}`, key, ...(poison === undefined ? {} : { poison }) }
  }

  /** Two instances append at the same expected version at once: at most one may win. */
  #compete(ready: readonly Instance[]): void {
    const key = `c-${Math.floor(this.#world.runtime.random() * 2)}`
    const version = [...this.#world.events.values()].reduce(
      (most, event) =>
        event.record.key === key && event.record.category === 'order' ? Math.max(most, event.streamVersion) : most,
      0,
    )
    for (const instance of [this.#world.pick(ready), this.#world.pick(ready)])
      void this.#publish(instance, this.#order(key), { expectedVersion: version })
  }

  /** The same dedup key from two places, at once and again around the edge of the window. */
  #repeat(ready: readonly Instance[]): void {
    const dedupKey = `d-${++this.#dedupKey}`
    const key = `k-${this.#dedupKey % 7}`
    const say = (): void => {
      const instance = this.#world.pick(ready)
      if (instance.running && !this.#world.calm) void this.#publish(instance, this.#order(key), { dedupKey })
    }
    say()
    if (this.#world.chance(0.7)) say()
    if (this.#world.chance(0.3)) this.#world.after(this.#world.between(dedupWindow * 0.9, dedupWindow * 1.1), say)
  }

  /** With an id of its own, repeated by the caller while the answer is unknown. */
  #insist(instance: Instance): void {
    const order = this.#order()
    const id = `id-${order.token}`
    const attempt = async (left: number): Promise<void> => {
      const publish = await this.#publish(instance, order, { id })
      if (publish.status !== 'unknown' || left === 0 || !instance.running) return
      this.#world.sometimes('a publisher insisted')
      await this.#world.wait(100)
      await attempt(left - 1)
    }
    void attempt(3)
  }

  #batch(instance: Instance): void {
    const orders = [this.#order(), this.#order(), this.#order()]
    const books = orders.map((order) => this.#open(instance, order, {}))
    const bus = instance.bus as NonNullable<Instance['bus']>
    bus.publish(orders.map((order) => OrderPlaced.create(order))).then(
      (receipts) => {
        for (const [at, receipt] of receipts.entries()) this.#acknowledge(books[at] as Published, receipt)
      },
      (error: unknown) => {
        for (const book of books) this.#refuse(book, error)
      },
    )
  }

  async #publish(instance: Instance, order: Order, options: Published['options']): Promise<Published> {
    const book = this.#open(instance, order, options)
    const bus = instance.bus as NonNullable<Instance['bus']>
    const definition = this.#world.pick([OrderPlaced, OrderPlaced, OrderPaid, OrderPaid, OrderSeen])
    try {
      this.#acknowledge(book, await bus.publish(definition, order, { deadline: 5_000, ...options }))
    } catch (error) {
      this.#refuse(book, error)
    }
    return book
  }

  #open(instance: Instance, order: Order, options: Published['options']): Published {
    const { token } = order
    const book: Published = {
      token,
      instance: instance.name,
      began: this.#world.now,
      options,
      status: 'pending',
      id: undefined,
      streamVersion: undefined,
      duplicateOf: undefined,
      error: undefined,
    }
    this.#world.published.push(book)
    return book
  }

  #acknowledge(
    book: Published,
    receipt: { readonly id: string; readonly streamVersion: number; readonly duplicateOf?: string },
  ): void {
    book.status = receipt.duplicateOf === undefined ? 'acknowledged' : 'duplicate'
    book.id = receipt.id
    book.streamVersion = receipt.streamVersion
    book.duplicateOf = receipt.duplicateOf
    if (book.status === 'duplicate') this.#world.sometimes('a publisher learned of a duplicate')
    this.#world.answered(book)
  }

  #refuse(book: Published, error: unknown): void {
    // Once nobody knows what became of an earlier call with the same id, a refusal of this one says nothing about that.
    const earlier = this.#world.published.some(
      (other) => other !== book && other.token === book.token && other.status === 'unknown',
    )
    book.status = earlier || isTidingsError(error, 'TIDINGS_COMMIT_UNKNOWN') ? 'unknown' : 'refused'
    book.error = error
    if (isTidingsError(error, 'TIDINGS_CONFLICT')) this.#world.sometimes('an expected version was beaten')
    this.#world.answered(book)
  }
}
