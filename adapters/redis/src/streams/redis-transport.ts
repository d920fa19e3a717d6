import { type Host, type LogTransportOptions, TidingsError, type TransportAdapter } from 'tidings/spi'

import { type RedisOptions, redisSettings, whole } from '../redis-options.ts'
import { StreamsTransport } from './streams-transport.ts'

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
    open: (host: Host) => StreamsTransport.open({ settings, host, log, keep }),
  }
}
