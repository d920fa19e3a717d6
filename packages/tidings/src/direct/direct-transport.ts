import type { Host } from '../store/adapter.ts'
import type { Consumer, Delivery, Offset, Sink, SubscribeOptions, Transport } from '../transport/transport.ts'
import { subscribeForGood } from './rejoin.ts'

/** What a subscription's engine asks of a broker beside what it asks of a log. */
export interface Hearing {
  /** The broker's group: one for each subscription of the service. */
  readonly group: string
  /** Categories; undefined: all. */
  readonly topics: readonly string[] | undefined
  /** Where a group that is new to the broker begins. */
  readonly start: 'beginning' | 'end'
}

/**
 * A broker as engines read logs, for buses without a store: nothing here remembers how far a subscription got, so the broker's own group does,
 * and is told of it by the watermark. Deliveries of a queue get running numbers, and are settled as the watermark passes them.
 *
 * @param hearingOf By the name under which an engine subscribes.
 */
export function directTransport(broker: Transport, host: Host, hearingOf: (group: string) => Hearing): Transport {
  const { capabilities } = broker
  return {
    capabilities: Object.freeze({ ...capabilities, kind: 'log' }),
    publish: (batch, signal) => broker.publish(batch, signal),
    async subscribe(options, sink) {
      const { group, topics, start } = hearingOf(options.group)
      const asked: SubscribeOptions = { ...options, group, start, ...(topics === undefined ? {} : { topics }) }
      return capabilities.kind === 'log'
        ? subscribeForGood(broker, asked, asLog(sink), host)
        : subscribeToQueue(broker, asked, sink, capabilities.kind === 'queue', host)
    },
    close: () => broker.close(),
  }
}

/** How far the group is its broker knows best: what this process remembers is old where another has owned the partition meanwhile. */
function asLog(sink: Sink): Sink {
  return {
    assigned: async (partitions) => (await sink.assigned(partitions)).map(() => -1),
    revoked: (partitions) => sink.revoked(partitions),
    lost: (partitions) => sink.lost(partitions),
    deliver: (deliveries) => sink.deliver(deliveries),
    scanned: (partition, offset) => sink.scanned(partition, offset),
    ended: (cause) => sink.ended(cause),
  }
}

/** Deliveries that wait for the watermark, in order of their running numbers. */
interface Unsettled {
  readonly offset: Offset
  readonly delivery: Delivery
}

async function subscribeToQueue(
  broker: Transport,
  options: SubscribeOptions,
  sink: Sink,
  settles: boolean,
  host: Host,
): Promise<Consumer> {
  // Numbers go on over reconnections: a queue's own begin anew, and the engine would take what comes again for what it has handled.
  let last = 0
  const unsettled = new Map<number, Unsettled[]>()
  const forget = (partitions: readonly number[]): void => {
    for (const partition of partitions) unsettled.delete(partition)
  }
  const asked = {
    assigned: (partitions: readonly number[]) => sink.assigned(partitions),
    async revoked(partitions: readonly number[]) {
      await sink.revoked(partitions)
      forget(partitions)
    },
    lost(partitions: readonly number[]) {
      sink.lost(partitions)
      forget(partitions)
    },
    deliver(deliveries: readonly Delivery[]) {
      const numbered = deliveries.map((delivery) => {
        const offset = ++last
        if (settles) {
          const waiting = unsettled.get(delivery.partition)
          if (waiting === undefined) unsettled.set(delivery.partition, [{ offset, delivery }])
          else waiting.push({ offset, delivery })
        }
        return { ...delivery, offset }
      })
      sink.deliver(numbered)
    },
    scanned() {},
    ended: (cause: Error) => sink.ended(cause),
  } satisfies Sink
  const consumer = await subscribeForGood(broker, options, asked, host)
  return {
    request: (count) => consumer.request(count),
    done(partition, offset) {
      const waiting = unsettled.get(partition)
      if (waiting === undefined) return
      const after = waiting.findIndex((one) => one.offset > offset)
      for (const { delivery } of waiting.splice(0, after === -1 ? waiting.length : after))
        consumer.settle(delivery, 'done')
    },
    settle() {},
    seek: (partition, offset) => consumer.seek(partition, offset),
    close: () => consumer.close(),
  }
}
