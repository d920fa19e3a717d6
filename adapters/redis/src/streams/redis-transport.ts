import {
  countGroup,
  type Host,
  type LogTransportOptions,
  logTransport,
  passedByAll,
  TidingsError,
  type Timer,
  type Transport,
  type TransportAdapter,
} from 'tidings/spi'

import { type RedisOptions, redisSettings, whole } from '../redis-options.ts'
import { openStore } from '../store/open-store.ts'
import type { RedisStore } from '../store/redis-store.ts'

export interface RedisTransportOptions extends Omit<RedisOptions, 'keep'>, Pick<LogTransportOptions, 'poll' | 'lease'> {
  readonly keep?: {
    /** Milliseconds that an event stays here which every group has passed; default 3,600,000 (an hour). */
    readonly passed?: number
    /**
     * Milliseconds after which an event goes although a group has not passed it, or never comes back; default 604,800,000 (a week). Counted from
     * when it came, whatever its own time says.
     */
    readonly age?: number
    /** Most events; beyond it the oldest go, whoever has passed them. Default 1,000,000. */
    readonly events?: number
    /** Milliseconds between two looks, from 10; default 5,000. */
    readonly every?: number
  }
}

const defaults = { passed: 3_600_000, age: 604_800_000, events: 1_000_000, every: 5_000 }

/**
 * A broker between services on Redis Streams: `redisTransport('redis://localhost:6379')`. The log of a store that holds nothing else, which each
 * group reads from where it stands. Throws TIDINGS_INVALID_OPTION naming every mistake at once.
 */
export function redisTransport(url: string, options: RedisTransportOptions = {}): TransportAdapter {
  const { keep: asked = {}, poll, lease, ...rest } = options
  const keep = {
    passed: asked.passed ?? defaults.passed,
    age: asked.age ?? defaults.age,
    events: asked.events ?? defaults.events,
    every: asked.every ?? defaults.every,
  }
  const { age, events, every } = keep
  const settings = redisSettings(url, { ...rest, keep: { age, events, every } }, 'tidings:broker')
  if (!whole(keep.passed, 0, Number.MAX_SAFE_INTEGER)) {
    throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `keep.passed` to be whole milliseconds from 0.', {
      details: { field: 'keep.passed' },
    })
  }
  const log = { ...(poll !== undefined && { poll }), ...(lease !== undefined && { lease }) }
  return {
    name: 'redis',
    async open(host: Host) {
      const store = await openStore(settings, host, 'broker')
      return overStore(store, host, { log, maxBytes: settings.maxBytes, keep })
    },
  }
}

interface Parts {
  readonly log: LogTransportOptions
  readonly maxBytes: number
  readonly keep: typeof defaults
}

function overStore(store: RedisStore, host: Host, { log, maxBytes, keep }: Parts): Transport {
  // Trimming asks how far everybody is, also those who keep that themselves.
  const inner = logTransport(store, host, log, 'all')
  const stopTrimming = trim(store, host, keep)
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    stopTrimming()
    await inner.close()
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
      const consumer = await inner.subscribe(options, sink)
      try {
        await countGroup(store, options.group)
      } catch (error) {
        await consumer.close()
        throw error
      }
      return consumer
    },
    close: () => (closing ??= close()),
  }
}

/** Lets go what every group has passed, once it is old enough. Returns how to stop. */
function trim(store: RedisStore, host: Host, { passed, every }: typeof defaults): () => void {
  let timer: Timer | undefined
  let stopped = false
  const sweep = async (): Promise<void> => {
    const through = await passedByAll(store, store.capabilities.partitions)
    for (let more = through > 0; more && !stopped; )
      ({ more } = await store.prune({ through, before: host.runtime.now() - passed, limit: 1_000 }))
  }
  const next = (): void => {
    timer = host.runtime.setTimer(every, () => {
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
