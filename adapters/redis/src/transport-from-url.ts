import { TidingsError, type TransportAdapter } from 'tidings/spi'

import { redisPubSub } from './pubsub/redis-pub-sub.ts'
import { redisTransport } from './streams/redis-transport.ts'

/** A transport from a URL alone: `redis:` and `rediss:` are Streams, `redis-pubsub:` and `rediss-pubsub:` are Pub/Sub, which is asked for by name. */
export function transportFromUrl(url: string): TransportAdapter {
  const scheme = String(url).slice(0, Math.max(0, String(url).indexOf(':')))
  if (scheme === 'redis' || scheme === 'rediss') return redisTransport(url)
  if (scheme === 'redis-pubsub' || scheme === 'rediss-pubsub') return redisPubSub(url)
  throw new TidingsError(
    'TIDINGS_INVALID_OPTION',
    'Expected `url` to begin with one of redis:, rediss:, redis-pubsub:, rediss-pubsub:.',
    { details: { field: 'url' } },
  )
}
