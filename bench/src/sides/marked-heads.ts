import type { Receipt } from 'tidings'
import { partitionOf, type Store, streamText } from 'tidings/spi'

import { keyOf, orders } from '../order-event.ts'

/** Where each partition's last event stands, and whether the checkpoints of a subscription have got there. */
export class MarkedHeads {
  readonly #store: Store
  readonly #subscription: string
  readonly #partitionOf: readonly number[]
  readonly #heads = new Map<number, number>()

  constructor(store: Store, subscription: string) {
    this.#store = store
    this.#subscription = subscription
    const { partitions } = store.capabilities
    this.#partitionOf = Array.from({ length: orders }, (_, at) =>
      partitionOf(streamText({ tenant: '', category: 'order', key: keyOf(at) }), partitions),
    )
  }

  note(at: number, { position }: Receipt): void {
    const partition = this.#partitionOf[at % orders] as number
    if (position > (this.#heads.get(partition) ?? 0)) this.#heads.set(partition, position)
  }

  /** Resolves when the store says of every event that it is handled. */
  async marked(): Promise<void> {
    while (!(await this.#allMarked())) await new Promise(setImmediate)
  }

  async #allMarked(): Promise<boolean> {
    const checkpoints = await this.#store.find('checkpoints', { prefix: `${this.#subscription}/0/` })
    const watermarks = new Map(
      checkpoints.map(({ id, body }) => [
        Number(id.slice(id.lastIndexOf('/') + 1)),
        (JSON.parse(body) as { watermark: number }).watermark,
      ]),
    )
    return [...this.#heads].every(([partition, head]) => (watermarks.get(partition) ?? 0) >= head)
  }
}
