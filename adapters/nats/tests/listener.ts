import type { Consumer, Delivery, Offset, Sink, SubscribeOptions, Transport } from 'tidings/spi'

/** A member of a group that keeps its progress where others of its group find it, and notes what it hears. */
export class Listener implements Sink {
  readonly got: Delivery[] = []
  readonly owned = new Set<number>()
  readonly scans: [number, Offset][] = []
  readonly told: string[] = []
  readonly progress: Map<number, Offset>
  cause: Error | undefined
  #consumer: Consumer | undefined

  constructor(progress: Map<number, Offset> = new Map()) {
    this.progress = progress
  }

  async join(transport: Transport, options: Partial<SubscribeOptions> = {}): Promise<this> {
    this.#consumer = await transport.subscribe({ group: 'listeners', ...options }, this)
    this.#consumer.request(256)
    return this
  }

  get ids(): string[] {
    return this.got.map(({ record }) => record?.id ?? 'unreadable')
  }

  close(): Promise<void> {
    return this.#consumer?.close() ?? Promise.resolve()
  }

  async assigned(partitions: readonly number[]): Promise<readonly Offset[]> {
    this.told.push(`assigned ${partitions.length}`)
    for (const partition of partitions) this.owned.add(partition)
    return partitions.map((partition) => this.progress.get(partition) ?? -1)
  }

  async revoked(partitions: readonly number[]): Promise<void> {
    this.told.push(`revoked ${partitions.length}`)
    for (const partition of partitions) this.owned.delete(partition)
  }

  lost(partitions: readonly number[]): void {
    this.told.push(`lost ${partitions.length}`)
    for (const partition of partitions) this.owned.delete(partition)
  }

  deliver(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      this.got.push(delivery)
      this.progress.set(delivery.partition, delivery.offset)
    }
    this.#consumer?.request(deliveries.length)
  }

  scanned(partition: number, offset: Offset): void {
    this.scans.push([partition, offset])
  }

  ended(cause: Error): void {
    this.cause = cause
    this.owned.clear()
  }
}
