import {
  type Host,
  type LogTransportOptions,
  logTransport,
  type Timer,
  type Transport,
  type TransportAdapter,
} from 'tidings/spi'

import { type RedisOptions, redisSettings } from '../redis-options.ts'
import { openStore } from '../store/open-store.ts'
import type { RedisStore } from '../store/redis-store.ts'
import { GroupProgress } from './group-progress.ts'

export interface RedisTransportOptions extends Omit<RedisOptions, 'keep'>, Pick<LogTransportOptions, 'poll' | 'lease'> {
  readonly keep?: {
    /** Milliseconds that an event stays which every group has passed; default 3,600,000 (an hour). */
    readonly passed?: number
    /** Milliseconds after which an event goes although a group has not passed it, or never comes back; default 604,800,000 (a week). */
    readonly age?: number
    /** Most events; beyond it the oldest go, whoever has passed them. Default 1,000,000. */
    readonly events?: number
  }
}

/** How often events that all have passed are let go, in milliseconds. */
const trimEvery = 10_000

const defaults = { passed: 3_600_000, age: 604_800_000, events: 1_000_000 }

/**
 * A broker between services on Redis Streams: `redisTransport('redis://localhost:6379')`. The log of a store that holds nothing else, which each
 * group reads from where it stands. Throws TIDINGS_INVALID_OPTION naming every mistake at once.
 */
export function redisTransport(url: string, options: RedisTransportOptions = {}): TransportAdapter {
  const { keep: asked, poll, lease, ...rest } = options
  const keep = { ...defaults, ...asked }
  const settings = redisSettings(url, {
    prefix: 'tidings:broker',
    ...rest,
    keep: { age: keep.age, events: keep.events },
  })
  const log = { ...(poll !== undefined && { poll }), ...(lease !== undefined && { lease }) }
  return {
    name: 'redis',
    async open(host: Host) {
      const store = await openStore(settings, host, { forget: true })
      return overStore(store, host, { log, maxBytes: settings.maxBytes, passed: keep.passed })
    },
  }
}

interface Parts {
  readonly log: LogTransportOptions
  readonly maxBytes: number
  readonly passed: number
}

function overStore(store: RedisStore, host: Host, { log, maxBytes, passed }: Parts): Transport {
  const inner = logTransport(store, host, log)
  const progress = new GroupProgress(store, host)
  const stopTrimming = trim(store, progress, host, passed)
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    stopTrimming()
    await inner.close()
    await progress.close()
    await store.close()
  }
  return {
    capabilities: Object.freeze({
      ...inner.capabilities,
      durability: store.durability === 'none' ? 'memory' : 'broker',
      maxBytes,
    }),
    publish: (batch, signal) => inner.publish(batch, signal),
    async subscribe(options, sink) {
      // A group that the transport refuses must not hold anything back.
      const consumer = await inner.subscribe(options, progress.sink(options.group, sink))
      try {
        await progress.join(options.group)
      } catch (error) {
        await consumer.close()
        throw error
      }
      return progress.consumer(options.group, consumer)
    },
    close: () => (closing ??= close()),
  }
}

/** Lets go what every group has passed, once it is old enough. Returns how to stop. */
function trim(store: RedisStore, progress: GroupProgress, host: Host, passed: number): () => void {
  let timer: Timer | undefined
  let stopped = false
  const sweep = async (): Promise<void> => {
    const through = await progress.passedByAll(store.capabilities.partitions)
    for (let more = through > 0; more && !stopped; )
      ({ more } = await store.prune({ through, before: host.runtime.now() - passed, limit: 1_000 }))
  }
  const next = (): void => {
    timer = host.runtime.setTimer(Math.min(trimEvery, Math.max(100, passed)), () => {
      sweep()
        .catch((error: unknown) =>
          host.log('warn', 'The log of the broker could not be trimmed; it is tried again.', { error }),
        )
        .finally(() => {
          if (!stopped) next()
        })
    })
  }
  next()
  return () => {
    stopped = true
    timer?.cancel()
  }
}
