import { Mistakes } from 'tidings/spi'

import {
  type ConnectionSettings,
  connectionOf,
  placeOf,
  queryOf,
  type RedisConnectionOptions,
  whole,
} from '../redis-options.ts'

export interface RedisPubSubOptions extends RedisConnectionOptions {
  /** Begins the name of every channel; the category follows. No control characters, up to 200 characters; default `tidings:`. */
  readonly channelPrefix?: string
  /** Most events that wait for a consumer which does not ask for more; what comes then is lost to it, and that is said. Default 10,000. */
  readonly buffer?: number
  /** Largest event as it is sent, in bytes, up to 16,777,216; default 1,048,576. Redis cuts off subscribers that fall behind by much. */
  readonly maxBytes?: number
}

export interface PubSubSettings {
  readonly connection: ConnectionSettings
  readonly channelPrefix: string
  readonly buffer: number
  readonly maxBytes: number
}

/** Throws TIDINGS_INVALID_OPTION naming every mistake at once. */
export function pubSubSettings(url: string, options: RedisPubSubOptions): PubSubSettings {
  const mistakes = new Mistakes()
  const place = placeOf(url, ['redis-pubsub', 'rediss-pubsub'], mistakes)
  const named = queryOf(place, ['timeout', 'buffer', 'maxBytes'], ['channelPrefix'], mistakes)
  const asked = { ...(named as RedisPubSubOptions), ...options }
  const { channelPrefix = 'tidings:', buffer = 10_000, maxBytes = 1_048_576 } = asked
  const connection = connectionOf(place, asked, mistakes)
  mistakes.expect(
    typeof channelPrefix === 'string' && channelPrefix.length <= 200 && !/\p{Cc}/u.test(channelPrefix),
    '`channelPrefix` to be up to 200 characters, none of them a control character',
  )
  mistakes.expect(whole(buffer, 1, 10_000_000), '`buffer` to be a whole number from 1 to 10,000,000')
  mistakes.expect(whole(maxBytes, 1_024, 16_777_216), '`maxBytes` to be a whole number from 1,024 to 16,777,216')
  mistakes.throwAny('Cannot use Redis Pub/Sub', { field: 'redis-pubsub' })
  return { connection, channelPrefix, buffer, maxBytes }
}
