import { defineEvent, type Event, type EventBus, type HandlerContext } from 'tidings'

export interface Tick {
  readonly stream: string
  readonly n: number
  readonly note: string
}

export const Ticked = defineEvent<Tick>('clock.ticked', { key: ({ stream }) => stream })

const streams = 50
const note = 'n'.repeat(500)
/** Fewest batches and milliseconds of one slice, and events of a batch: few enough that nothing queues, many enough that a slice has a 99th percentile. */
const batches = 40
const least = 100
const size = 10

/** Publishes for a subscription of its own, `steady`, and measures each event from the call of `publish` to that of the handler, in milliseconds. */
export class Stopwatch {
  readonly #bus: EventBus
  readonly #waiting = new Map<number, (handled: number) => void>()
  #last = 0
  handled = 0

  /** Before `bus.start`. `also`: what the handler does before it ends. */
  constructor(bus: EventBus, also: (event: Event<Tick>, context: HandlerContext) => unknown = () => {}) {
    this.#bus = bus
    bus.subscribe(Ticked, { name: 'steady' }, (event, context) => {
      this.handled++
      this.#waiting.get(event.data.n)?.(performance.now())
      return also(event, context)
    })
  }

  /** One batch after the other; a batch ends when all of it has been handled. */
  async slice(): Promise<readonly number[]> {
    const taken: number[] = []
    const end = performance.now() + least
    for (let batch = 0; batch < batches || performance.now() < end; batch++)
      taken.push(...(await Promise.all(Array.from({ length: size }, () => this.#one()))))
    return taken
  }

  /** Publishes so many, and resolves when all of them have been handled. */
  async pass(count: number): Promise<void> {
    for (let left = count; left > 0; left -= 100)
      await Promise.all(Array.from({ length: Math.min(100, left) }, () => this.#one()))
  }

  async #one(): Promise<number> {
    const n = ++this.#last
    const handled = new Promise<number>((resolve) => void this.#waiting.set(n, resolve))
    const began = performance.now()
    await this.#bus.publish(Ticked, { stream: `s-${n % streams}`, n, note })
    const took = (await handled) - began
    this.#waiting.delete(n)
    return took
  }
}
