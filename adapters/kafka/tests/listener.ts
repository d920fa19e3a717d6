import type { Consumer, Delivery, Offset, Sink, SubscribeOptions, Transport } from 'tidings/spi'

/** A sink that handles at once, keeps its place like an engine, and notes what breaks the port's word. */
export class Listener implements Sink {
  readonly got: Delivery[] = []
  readonly told: string[] = []
  readonly owned: Set<number> = new Set()
  readonly offences: string[] = []
  /** How far each partition is; members of a group share it as engines share a store. */
  readonly places: Map<number, Offset>
  readonly scans: Map<number, Offset> = new Map()
  consumer: Consumer | undefined
  /** Awaited before `revoked` resolves. */
  draining: () => Promise<void> = async () => {}
  handle: (delivery: Delivery) => void = () => {}
  readonly #knows: boolean

  /** @param knows Whether it answers places that it does not know with 0; else with -1. */
  constructor(places: Map<number, Offset> = new Map(), knows: boolean = true) {
    this.places = places
    this.#knows = knows
  }

  async join(transport: Transport, options: SubscribeOptions, credit: number = 256): Promise<this> {
    this.consumer = await transport.subscribe(options, this)
    this.consumer.request(credit)
    return this
  }

  get ids(): string[] {
    return this.got.map(({ record }) => record?.id ?? 'unreadable')
  }

  async assigned(partitions: readonly number[]): Promise<readonly Offset[]> {
    this.told.push(`assigned ${partitions.length}`)
    for (const partition of partitions) this.owned.add(partition)
    return partitions.map((partition) => this.places.get(partition) ?? (this.#knows ? 0 : -1))
  }

  async revoked(partitions: readonly number[]): Promise<void> {
    this.told.push(`revoked ${partitions.length}`)
    await this.draining()
    for (const partition of partitions) if (!this.owned.delete(partition)) this.offences.push('revoked what it had not')
  }

  lost(partitions: readonly number[]): void {
    this.told.push(`lost ${partitions.length}`)
    for (const partition of partitions) if (!this.owned.delete(partition)) this.offences.push('lost what it had not')
  }

  deliver(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      const { partition, offset } = delivery
      if (!this.owned.has(partition)) this.offences.push(`delivery of ${partition}, which is not owned`)
      this.got.push(delivery)
      this.handle(delivery)
      this.places.set(partition, offset)
      this.consumer?.done(partition, offset)
    }
    this.consumer?.request(deliveries.length)
  }

  scanned(partition: number, offset: Offset): void {
    this.scans.set(partition, offset)
  }

  ended(cause: Error): void {
    this.told.push('ended')
    this.offences.push(cause.message)
  }
}
