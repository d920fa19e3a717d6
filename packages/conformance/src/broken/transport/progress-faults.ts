import type { Consumer, Sink } from 'tidings/spi'

import type { BrokenTransport } from '../broken-backend.ts'
import { bendBackend, brokenLog, rememberingLog } from './bend.ts'
import { fanoutBackend } from './memory-fanout.ts'

const consumers = new WeakMap<Sink, Consumer>()

/** Logs whose groups remember wrongly how far they are. */
export const progressFaults: readonly BrokenTransport[] = [
  brokenLog('declares that groups remember, and forgets', ['remembers'], {
    transport: (good) => ({ capabilities: Object.freeze({ ...good.capabilities, remembers: true }) }),
  }),
  {
    backend: bendBackend(rememberingLog('remembers although it declares not to'), {
      transport: ({ capabilities: { remembers: _, ...others } }) => ({ capabilities: Object.freeze(others) }),
    }),
    breaks: ['no-remembers'],
  },
  {
    backend: bendBackend(rememberingLog('takes what was delivered for done'), {
      sink: (sink) => ({
        deliver(deliveries) {
          sink.deliver(deliveries)
          for (const { partition, offset } of deliveries) consumers.get(sink)?.done(partition, offset)
        },
      }),
      consumer(consumer, sink) {
        consumers.set(sink, consumer)
        return {}
      },
    }),
    breaks: ['remembers'],
  },
  {
    backend: bendBackend(rememberingLog('knows better than what it is told to be done'), {
      consumer: (consumer) => ({ done: (partition, offset) => consumer.done(partition, offset + 1) }),
    }),
    breaks: ['remembers'],
  },
  {
    backend: bendBackend(rememberingLog('forgets a little of what is done'), {
      consumer: (consumer) => ({ done: (partition, offset) => consumer.done(partition, offset - 1) }),
    }),
    breaks: ['remembers'],
  },
  {
    backend: bendBackend(fanoutBackend('has no places and remembers them'), {
      transport: (good) => ({ capabilities: Object.freeze({ ...good.capabilities, remembers: true }) }),
    }),
    breaks: ['declared'],
  },
]
