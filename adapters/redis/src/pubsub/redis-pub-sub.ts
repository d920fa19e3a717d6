import type { Host, TransportAdapter } from 'tidings/spi'

import { Connection } from '../connection/connection.ts'
import { pubSubSettings, type RedisPubSubOptions } from './pub-sub-options.ts'
import { PubSubTransport } from './pub-sub-transport.ts'

/**
 * A transport over Redis Pub/Sub: `redisPubSub('redis-pubsub://localhost:6379')`. At most once: whoever is not listening misses it, and nobody is told.
 * Where events must arrive, take `redisTransport`. Throws TIDINGS_INVALID_OPTION naming every mistake at once.
 */
export function redisPubSub(url: string, options: RedisPubSubOptions = {}): TransportAdapter {
  const settings = pubSubSettings(url, options)
  return {
    name: 'redis-pubsub',
    async open(host: Host) {
      const connection = await Connection.open(settings.connection, host)
      host.log('warn', 'Redis Pub/Sub delivers at most once: what nobody hears at that moment is lost.', {
        channels: `${settings.channelPrefix}*`,
      })
      return new PubSubTransport(connection, settings, host)
    },
  }
}
