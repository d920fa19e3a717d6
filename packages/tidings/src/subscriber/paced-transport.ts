import type { Runtime, Timer } from '../kernel/runtime.ts'
import { TokenBucket } from '../resilience/token-bucket.ts'
import type { Consumer, Delivery, Offset, Sink, Transport } from '../transport/transport.ts'

/**
 * The transport, at most `rate` events a second to each consumer. Only those that `counts` holds for cost time; whatever comes behind one that waits waits
 * with it, so that no partition's order changes. What waits was asked for, so it is bounded by the window of whoever asks.
 */
export function pacedTransport(
  transport: Transport,
  runtime: Runtime,
  rate: number,
  counts: (delivery: Delivery) => boolean,
): Transport {
  return {
    capabilities: transport.capabilities,
    publish: (batch, signal) => transport.publish(batch, signal),
    async subscribe(options, sink) {
      const paced = new PacedSink(sink, runtime, rate, counts)
      return paced.around(await transport.subscribe(options, paced))
    },
    close: () => transport.close(),
  }
}

/** Something that waits for its turn. */
type Held =
  | { readonly kind: 'delivery'; readonly partition: number; readonly delivery: Delivery }
  | { readonly kind: 'scanned'; readonly partition: number; readonly offset: Offset }

/** Shares of a second in which events come: fewer would come in visible bursts. */
const sharesOfSecond = 20

class PacedSink implements Sink {
  readonly #sink: Sink
  readonly #runtime: Runtime
  readonly #bucket: TokenBucket
  readonly #counts: (delivery: Delivery) => boolean
  #held: Held[] = []
  #timer: Timer | undefined
  #flowing = false
  #closed = false

  constructor(sink: Sink, runtime: Runtime, rate: number, counts: (delivery: Delivery) => boolean) {
    this.#sink = sink
    this.#runtime = runtime
    this.#bucket = new TokenBucket({ rate, burst: Math.max(1, Math.floor(rate / sharesOfSecond)) })
    this.#counts = counts
  }

  around(consumer: Consumer): Consumer {
    return {
      request: (count) => consumer.request(count),
      done: (partition, offset) => consumer.done(partition, offset),
      settle: (delivery, how) => consumer.settle(delivery, how),
      seek: (partition, offset) => {
        this.#forget([partition])
        consumer.seek(partition, offset)
      },
      close: () => {
        this.#closed = true
        this.#timer?.cancel()
        this.#held = []
        return consumer.close()
      },
    }
  }

  assigned(partitions: readonly number[]): Promise<readonly Offset[]> {
    return this.#sink.assigned(partitions)
  }

  revoked(partitions: readonly number[]): Promise<void> {
    this.#forget(partitions)
    return this.#sink.revoked(partitions)
  }

  lost(partitions: readonly number[]): void {
    this.#forget(partitions)
    this.#sink.lost(partitions)
  }

  deliver(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#held.push({ kind: 'delivery', partition: delivery.partition, delivery })
    this.#flow()
  }

  scanned(partition: number, offset: Offset): void {
    this.#held.push({ kind: 'scanned', partition, offset })
    this.#flow()
  }

  ended(cause: Error): void {
    this.#sink.ended(cause)
  }

  /** Hands over what its turn has come for. The sink may ask for more while it takes it, and that may come at once. */
  #flow(): void {
    if (this.#flowing || this.#timer !== undefined) return
    this.#flowing = true
    while (this.#held.length > 0 && !this.#closed) {
      const { count, wait } = this.#allowed()
      if (count > 0) this.#sink.deliver(this.#held.splice(0, count).flatMap(deliveryOf))
      else if (wait > 0) {
        this.#timer = this.#runtime.setTimer(wait, () => {
          this.#timer = undefined
          this.#flow()
        })
        break
      } else {
        const scanned = this.#held.shift()
        if (scanned?.kind === 'scanned') this.#sink.scanned(scanned.partition, scanned.offset)
      }
    }
    this.#flowing = false
  }

  /** How many deliveries may go before anything else, and else how long to wait for the first. */
  #allowed(): { readonly count: number; readonly wait: number } {
    let count = 0
    for (const one of this.#held) {
      if (one.kind === 'scanned') break
      const wait = this.#counts(one.delivery) ? this.#bucket.take(this.#runtime.monotonic()) : 0
      if (wait > 0) return { count, wait }
      count++
    }
    return { count, wait: 0 }
  }

  /** They are somebody else's, or come again. */
  #forget(partitions: readonly number[]): void {
    this.#held = this.#held.filter(({ partition }) => !partitions.includes(partition))
  }
}

function deliveryOf(one: Held): readonly Delivery[] {
  return one.kind === 'delivery' ? [one.delivery] : []
}
