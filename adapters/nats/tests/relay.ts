import type { EventRecord, Transport } from 'tidings/spi'

import { eventOf } from './events.ts'

/**
 * Publishes like a relay: what has no certain outcome is sent again, and with it all that came after it in its stream. Each stream hands over
 * several events at once, so that order is the transport's to keep.
 */
export class Relay {
  /** By stream, in the order in which they were stored as far as anybody was told. */
  readonly acknowledged = new Map<string, EventRecord[]>()
  readonly unknown: string[] = []
  readonly #done: Promise<void>
  #stopping = false
  #count = 0

  constructor(transport: Transport, streams: number, atOnce: number) {
    this.#done = Promise.all(Array.from({ length: streams }, (_, at) => this.#run(transport, `s-${at}`, atOnce))).then(
      () => {},
    )
  }

  get count(): number {
    return this.#count
  }

  stop(): Promise<void> {
    this.#stopping = true
    return this.#done
  }

  async #run(transport: Transport, key: string, atOnce: number): Promise<void> {
    const mine: EventRecord[] = []
    this.acknowledged.set(key, mine)
    for (let number = 0; !this.#stopping; number += atOnce) {
      let left = Array.from({ length: atOnce }, (_, at) => eventOf({ key, data: `{"at":${number + at}}` }))
      while (left.length > 0) {
        const outcomes = await transport.publish(left, AbortSignal.timeout(3_000))
        const failed = outcomes.findIndex(({ status }) => status !== 'stored')
        const stored = failed === -1 ? left.length : failed
        if (outcomes.slice(stored).some(({ status }) => status === 'stored'))
          throw new Error('An event was stored although one before it in its stream was not.')
        mine.push(...left.slice(0, stored))
        this.#count += stored
        left = left.slice(stored)
        this.unknown.push(...left.map(({ id }) => id))
        if (left.length > 0) await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }
}
