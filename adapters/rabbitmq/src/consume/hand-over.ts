import type { Delivery, Host, Sink } from 'tidings/spi'

import type { PartitionReader } from './partition-reader.ts'

/** Most deliveries handed over before others get their turn. */
const share = 512

/** Hands over what has come, as far as it was requested: in turn over the partitions, so that none waits for another. */
export class HandOver {
  readonly #host: Host
  readonly #sink: Sink
  readonly #readers: readonly PartitionReader[]
  #credit = 0
  #turn = 0
  #planned = false
  #over = false

  constructor(host: Host, sink: Sink, readers: readonly PartitionReader[]) {
    this.#host = host
    this.#sink = sink
    this.#readers = readers
  }

  request(count: number): void {
    this.#credit += count
    this.soon()
  }

  /** Something has come. Never calls the sink at once: what comes together is handed over together. */
  soon(): void {
    if (this.#planned || this.#credit === 0 || this.#over) return
    this.#planned = true
    this.#host.runtime.defer(() => {
      this.#planned = false
      if (!this.#over) this.#run()
    })
  }

  stop(): void {
    this.#over = true
  }

  #run(): void {
    const batch: Delivery[] = []
    const most = Math.min(this.#credit, share)
    const count = this.#readers.length
    for (let idle = 0; batch.length < most && idle < count; ) {
      const delivery = (this.#readers[this.#turn++ % count] as PartitionReader).take()
      if (delivery === undefined) idle++
      else {
        idle = 0
        batch.push(delivery)
      }
    }
    if (batch.length === 0) return
    this.#credit -= batch.length
    try {
      this.#sink.deliver(batch)
    } catch (error) {
      this.#host.log('error', 'A sink has failed to take deliveries.', { error })
    }
    if (this.#readers.some((reader) => reader.waiting > 0)) this.soon()
  }
}
