import type { Delivery, Offset } from '../transport/transport.ts'
import { type Item, Lane } from './lane.ts'
import type { PartitionState } from './partition-state.ts'
import type { SubscriptionSettings } from './subscribe-options.ts'

/** Most lanes that are kept although they are empty: streams come back, and a lane that is kept is one less to make. */
const idleLanes = 1_024

/** The lanes of one subscription, by what its order makes of a stream. */
export class LaneTable {
  readonly #order: SubscriptionSettings['order']
  readonly #lanes = new Map<string, Lane>()

  constructor(order: SubscriptionSettings['order']) {
    this.#order = order
  }

  values(): Iterable<Lane> {
    return this.#lanes.values()
  }

  /** For code that changes lanes while it looks at them. */
  all(): readonly Lane[] {
    return [...this.#lanes.values()]
  }

  peek(stream: string): Lane | undefined {
    return this.#lanes.get(stream)
  }

  /** The lane of a delivery, made where there is none. */
  of(partition: PartitionState, { stream, offset }: Pick<Delivery, 'stream' | 'offset'>): Lane {
    const key = this.#order === 'stream' ? stream : this.#order === 'all' ? '' : aside(partition, offset)
    const lane = this.#lanes.get(key)
    // A lane of an earlier life of the partition is over, but one of a sequential subscription serves all partitions.
    return lane !== undefined && (lane.partition === partition || this.#order === 'all')
      ? lane
      : this.#make(key, stream, partition)
  }

  /** A lane for one event alone, outside its stream's order. */
  aside(partition: PartitionState, { stream, offset }: Pick<Delivery, 'stream' | 'offset'>): Lane {
    return this.#make(aside(partition, offset), stream, partition)
  }

  /** Where a parked event is held; undefined: nowhere in this process. */
  holding(partition: PartitionState, stream: string, offset: Offset): Lane | undefined {
    for (const key of [stream, '', aside(partition, offset)]) {
      const lane = this.#lanes.get(key)
      if (lane === undefined) continue
      for (const item of lane.parked) if (item.partition === partition && item.offset === offset) return lane
    }
    return undefined
  }

  /** Lets an empty lane go, unless its stream is likely to come back. */
  release(lane: Lane): void {
    if (this.#lanes.size > idleLanes || this.#order !== 'stream' || lane.key !== lane.stream)
      this.#lanes.delete(lane.key)
  }

  /** Drops the lanes of a partition. Returns the live events in them. */
  forget(partition: PartitionState): readonly Item[] {
    const live: Item[] = []
    for (const [key, lane] of this.#lanes) {
      if (lane.partition !== partition) continue
      lane.cancel()
      live.push(...lane.items)
      this.#lanes.delete(key)
    }
    return live
  }

  clear(): void {
    for (const lane of this.#lanes.values()) lane.cancel()
    this.#lanes.clear()
  }

  #make(key: string, stream: string, partition: PartitionState): Lane {
    const lane = new Lane(key, stream, partition)
    this.#lanes.set(key, lane)
    return lane
  }
}

function aside(partition: PartitionState, offset: Offset): string {
  return `${partition.partition}:${offset}`
}
