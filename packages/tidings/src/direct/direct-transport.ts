import { TidingsError } from '../kernel/errors.ts'
import type { Consumer, Delivery, Offset, Sink, SubscribeOptions, Transport } from '../transport/transport.ts'

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
export function directTransport(broker: Transport, hearingOf: (group: string) => Hearing): Transport {
  const { capabilities } = broker
  return {
    capabilities: Object.freeze({ ...capabilities, kind: 'log' }),
    publish: (batch, signal) => broker.publish(batch, signal),
    async subscribe(options, sink) {
      const { group, topics, start } = hearingOf(options.group)
      const asked: SubscribeOptions = { ...options, group, start, ...(topics === undefined ? {} : { topics }) }
      return capabilities.kind === 'log'
        ? broker.subscribe(asked, asLog(sink))
        : subscribeToQueue(broker, asked, sink, capabilities.kind === 'queue')
    },
    close: () => broker.close(),
  }
}

/** An engine without a checkpoint begins after 0, which a broker would take for its beginning. */
function asLog(sink: Sink): Sink {
  return {
    assigned: async (partitions) => (await sink.assigned(partitions)).map((offset) => (offset === 0 ? -1 : offset)),
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
): Promise<Consumer> {
  // Numbers go on over reconnections: a queue's own begin anew, and the engine would take what comes again for what it has handled.
  let last = 0
  const unsettled = new Map<number, Unsettled[]>()
  const forget = (partitions: readonly number[]): void => {
    for (const partition of partitions) unsettled.delete(partition)
  }
  const consumer = await broker.subscribe(options, {
    assigned: (partitions) => sink.assigned(partitions),
    async revoked(partitions) {
      await sink.revoked(partitions)
      forget(partitions)
    },
    lost(partitions) {
      sink.lost(partitions)
      forget(partitions)
    },
    deliver(deliveries) {
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
    ended: (cause) => sink.ended(cause),
  })
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
    seek() {
      throw new TidingsError('TIDINGS_NOT_SUPPORTED', 'A queue cannot be read again from a place; use a store.')
    },
    close: () => consumer.close(),
  }
}
