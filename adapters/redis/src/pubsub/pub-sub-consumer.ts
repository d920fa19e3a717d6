import { type Consumer, type Delivery, type Host, Ring, type Sink } from 'tidings/spi'

export interface PubSubConsumerOptions {
  readonly host: Host
  readonly group: string
  /** Categories to hear; undefined: all. */
  readonly topics: ReadonlySet<string> | undefined
  readonly sink: Sink
  /** Most deliveries that wait. */
  readonly buffer: number
  readonly closed: (consumer: PubSubConsumer) => void
}

/** Hears what is published from now on. Open, then closed. */
export class PubSubConsumer implements Consumer {
  readonly topics: ReadonlySet<string> | undefined
  readonly #options: PubSubConsumerOptions
  readonly #waiting = new Ring<Delivery>()
  #credit = 0
  #offset = 0
  #open = true
  #feeding = false
  #dropped = 0

  constructor(options: PubSubConsumerOptions) {
    this.#options = options
    this.topics = options.topics
  }

  /** An event has come. Where too many wait already, it is lost to this consumer. */
  hear(heard: Pick<Delivery, 'stream' | 'record' | 'raw'>): void {
    if (!this.#open) return
    if (this.#waiting.size >= this.#options.buffer) {
      this.#drop()
      return
    }
    this.#waiting.push({ ...heard, partition: 0, offset: ++this.#offset })
    this.#feed()
  }

  request(count: number): void {
    if (!this.#open) return
    this.#credit += count
    this.#feed()
  }

  /** Nothing comes again, so there is nothing to settle and nowhere to go back to. */
  done(): void {}
  settle(): void {}
  seek(): void {}

  async close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    this.#options.closed(this)
  }

  /** In a turn of its own: whoever asks for more from inside a delivery must not be called again there. */
  #feed(): void {
    if (this.#feeding || this.#credit === 0 || this.#waiting.size === 0) return
    this.#feeding = true
    queueMicrotask(() => {
      this.#feeding = false
      const ready: Delivery[] = []
      while (this.#open && ready.length < this.#credit && this.#waiting.size > 0)
        ready.push(this.#waiting.shift() as Delivery)
      if (ready.length === 0) return
      this.#credit -= ready.length
      this.#options.sink.deliver(ready)
      this.#feed()
    })
  }

  #drop(): void {
    this.#dropped++
    // Said at the first, and then ever more seldom.
    if ((this.#dropped & (this.#dropped - 1)) !== 0) return
    const { host, group, buffer } = this.#options
    host.log('warn', 'A consumer of Redis Pub/Sub is too slow: events are lost to it.', {
      group,
      buffer,
      dropped: this.#dropped,
    })
  }
}
