import type { Host, StoreAdapter } from 'tidings/spi'

import { type RedisOptions, redisSettings } from './redis-options.ts'
import { openStore } from './store/open-store.ts'
import type { RedisStore } from './store/redis-store.ts'

/** A Redis store that is described but not yet open. */
export interface RedisAdapter extends StoreAdapter {
  open(host: Host): Promise<RedisStore>
}

/**
 * A store in Redis 7.0 or newer: `redis('redis://localhost:6379')`, `redis('rediss://user:password@host/1?prefix=shop')`. It is made where it does not
 * exist; any number of processes may share it. Throws TIDINGS_INVALID_OPTION naming every mistake at once.
 */
export function redis(url: string, options: RedisOptions = {}): RedisAdapter {
  const settings = redisSettings(url, options)
  return { name: 'redis', open: (host) => openStore(settings, host) }
}

/** The same from a URL alone; options follow a question mark: `prefix`, `partitions`, `durability`, `timeout`, `maxBytes`. */
export function fromUrl(url: string): RedisAdapter {
  return redis(url)
}
