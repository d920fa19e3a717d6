import type { Consumer, Delivery, Sink, SubscribeOptions, Transport } from 'tidings/spi'

/** A member that notes what it is told. */
export interface Listener {
  readonly consumer: Consumer
  readonly deliveries: Delivery[]
  readonly owned: Set<number>
  /** `assigned 3`, `revoked 1,2`, `lost 3`, `ended`. */
  readonly told: string[]
}

export interface ListenerOptions extends Omit<SubscribeOptions, 'group'> {
  readonly group?: string
  /** What it does with a delivery; default: says at once that it is done. Deliveries are asked for as they are settled. */
  readonly handle?: (delivery: Delivery, listener: Listener) => void
  readonly request?: number
}

export async function listen(transport: Transport, options: ListenerOptions = {}): Promise<Listener> {
  const { group = 'group', handle = settleAtOnce, request = 200, ...rest } = options
  const listener: Listener & { consumer: Consumer } = {
    consumer: undefined as unknown as Consumer,
    deliveries: [],
    owned: new Set(),
    told: [],
  }
  const sink: Sink = {
    assigned(partitions) {
      listener.told.push(`assigned ${partitions.join()}`)
      for (const partition of partitions) listener.owned.add(partition)
      return Promise.resolve(partitions.map(() => -1))
    },
    revoked(partitions) {
      listener.told.push(`revoked ${partitions.join()}`)
      for (const partition of partitions) listener.owned.delete(partition)
      return Promise.resolve()
    },
    lost(partitions) {
      listener.told.push(`lost ${partitions.join()}`)
      for (const partition of partitions) listener.owned.delete(partition)
    },
    deliver(deliveries) {
      for (const delivery of deliveries) {
        listener.deliveries.push(delivery)
        handle(delivery, listener)
      }
      listener.consumer.request(deliveries.length)
    },
    scanned: () => {},
    ended: () => void listener.told.push('ended'),
  }
  listener.consumer = await transport.subscribe({ group, ...rest }, sink)
  listener.consumer.request(request)
  return listener
}

function settleAtOnce(delivery: Delivery, { consumer }: Listener): void {
  consumer.settle(delivery, 'done')
}

/** Ids in the order of their first delivery, by key. */
export function firstByKey(deliveries: readonly Delivery[]): Map<string, string[]> {
  const seen = new Set<string>()
  const byKey = new Map<string, string[]>()
  for (const { record } of deliveries) {
    if (record === undefined || seen.has(record.id)) continue
    seen.add(record.id)
    byKey.set(record.key, [...(byKey.get(record.key) ?? []), record.id])
  }
  return byKey
}
