import { TidingsError } from '../kernel/errors.ts'
import type { Timer } from '../kernel/runtime.ts'
import type { Host } from '../store/adapter.ts'
import type { Consumer, Sink, SubscribeOptions, Transport } from '../transport/transport.ts'

/** First and longest wait before a group is joined again, in milliseconds. */
const [shortest, longest] = [500, 30_000] as const

/**
 * Joins a group as `transport.subscribe` does, and joins it again whenever its consumer has ended: without a store nobody else would. Its partitions
 * are lost meanwhile, and what was requested is requested again.
 */
export async function subscribeForGood(
  transport: Transport,
  options: SubscribeOptions,
  sink: Sink,
  { runtime, log }: Host,
): Promise<Consumer> {
  const assigned = new Set<number>()
  let owed = 0
  let failures = 0
  let closed = false
  let timer: Timer | undefined
  let inner: Consumer | undefined

  /** A consumer that has ended may still speak; only the last one is heard. */
  const join = async (): Promise<Consumer> => {
    let over = false
    const mine = (): boolean => !over && !closed
    const consumer = await transport.subscribe(options, {
      async assigned(partitions) {
        const offsets = await sink.assigned(partitions)
        for (const partition of partitions) assigned.add(partition)
        return offsets
      },
      async revoked(partitions) {
        await sink.revoked(partitions)
        for (const partition of partitions) assigned.delete(partition)
      },
      lost(partitions) {
        if (over) return
        sink.lost(partitions)
        for (const partition of partitions) assigned.delete(partition)
      },
      deliver(deliveries) {
        if (over) return
        owed -= deliveries.length
        failures = 0
        sink.deliver(deliveries)
      },
      scanned(partition, offset) {
        if (!over) sink.scanned(partition, offset)
      },
      ended(cause) {
        if (!mine()) return
        over = true
        sink.lost([...assigned])
        assigned.clear()
        // It may be half alive, and must not hold on to what the next one wants.
        inner?.close().catch(() => {})
        again(cause)
      },
    })
    if (closed) await consumer.close()
    else consumer.request(owed)
    return consumer
  }

  const again = (cause: Error): void => {
    inner = undefined
    if (closed) return
    const wait = Math.min(longest, shortest * 2 ** Math.min(failures++, 8)) * (0.5 + runtime.random() / 2)
    log('error', 'A consumer has ended at the broker and joins its group again', {
      group: options.group,
      error: cause.message,
      in: Math.round(wait),
    })
    timer = runtime.setTimer(wait, () => {
      join().then((consumer) => (inner = consumer), again)
    })
  }

  inner = await join()
  return {
    request(count) {
      owed += count
      inner?.request(count)
    },
    done: (partition, offset) => inner?.done(partition, offset),
    settle: (delivery, how) => inner?.settle(delivery, how),
    seek() {
      throw new TidingsError('TIDINGS_NOT_SUPPORTED', 'A broker alone is not read again from a place; use a store.')
    },
    async close() {
      closed = true
      timer?.cancel()
      await inner?.close()
    },
  }
}
