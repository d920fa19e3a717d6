import type { Sink } from 'tidings/spi'

import type { BrokenTransport } from '../broken-backend.ts'
import { brokenLog, honestLog } from './bend.ts'

let strangers = 0
const leaving = new WeakSet<Sink>()

/** Transports that share partitions wrongly, or read them from the wrong place. */
export const groupFaults: readonly BrokenTransport[] = [
  brokenLog(
    'reads from the beginning, whatever `assigned` answered',
    ['exclusive', 'groups', 'offset-after', 'start'],
    {
      sink: (sink) => ({ assigned: async (partitions) => (await sink.assigned(partitions)).map(() => 0) }),
    },
  ),
  brokenLog('begins one event too early', ['exclusive', 'groups', 'offset-after', 'start'], {
    sink: (sink) => ({
      assigned: async (partitions) => (await sink.assigned(partitions)).map((offset) => Math.max(0, offset - 1)),
    }),
  }),
  brokenLog('does not wait for `assigned`', ['assigned', 'close'], {
    sink: (sink) => ({
      async assigned(partitions) {
        const offsets = await Promise.race([sink.assigned(partitions), later()])
        return offsets ?? partitions.map(() => 0)
      },
    }),
  }),
  brokenLog('does not wait for `revoked`', ['revoked'], {
    sink: (sink) => ({
      async revoked(partitions) {
        void sink.revoked(partitions)
      },
    }),
  }),
  brokenLog('does not say `revoked` when a consumer closes', ['close', 'revoked'], {
    sink: (sink) => ({ revoked: async (partitions) => (leaving.has(sink) ? undefined : sink.revoked(partitions)) }),
    consumer: (consumer, sink) => ({
      close() {
        leaving.add(sink)
        return consumer.close()
      },
    }),
  }),
  brokenLog('asks about several partitions at once', ['assigned'], {
    sink: (sink) => ({
      assigned: async (partitions) => (await Promise.all(partitions.map((one) => sink.assigned([one])))).flat(),
    }),
  }),
  brokenLog('lets every member have everything', ['exclusive', 'groups', 'revoked', 'takeover'], {
    subscribe: (options) => ({ ...options, group: `${options.group}-${++strangers}` }),
  }),
  brokenLog('knows no exclusive groups', ['exclusive'], { subscribe: ({ exclusive: _, ...options }) => options }),
  {
    backend: { ...honestLog('keeps the partitions of the dead'), crash: () => {} },
    breaks: ['redelivery', 'takeover'],
  },
  brokenLog('does not seek', ['seek'], { consumer: () => ({ seek: () => {} }) }),
  brokenLog('seeks to the event itself instead of after it', ['seek'], {
    consumer: (consumer) => ({ seek: (partition, offset) => consumer.seek(partition, Math.max(0, offset - 1)) }),
  }),
  brokenLog('takes `done` for the place to read on', ['done', 'scanned'], {
    consumer: (consumer) => ({ done: (partition, offset) => consumer.seek(partition, offset) }),
  }),
  brokenLog('says too early that all was looked at', ['scanned'], {
    sink: (sink) => ({ scanned: (partition, offset) => sink.scanned(partition, offset + 20) }),
  }),
  brokenLog('never says what was looked at', ['scanned'], { sink: () => ({ scanned: () => {} }) }),
]

function later(): Promise<undefined> {
  return new Promise((resolve) => void setImmediate(() => resolve(undefined)))
}
