export { fromUrl, type RedisAdapter, redis } from './redis.ts'
export type { KeepOptions, RedisConnectionOptions, RedisOptions } from './redis-options.ts'
export type { RedisStore } from './store/redis-store.ts'
