import { logBackend, testStore, testTransport } from '@tidings/conformance'
import { realRuntime, type Store, type Transport } from 'tidings/spi'
import { afterAll, describe, it } from 'vitest'

import { type MortalTransport, openMortal } from '../tests/mortal-transport.ts'
import { hostOf, needsRedis, prefixOf, removeKeys, url } from '../tests/redis-world.ts'
import { redis, redisPubSub, redisTransport } from './index.ts'

const runner = { describe, it, afterAll }

const open = (place: string): Promise<Store> => redis(url as string, { prefix: prefixOf(place) }).open(hostOf())
const remove = (place: string): Promise<void> => removeKeys(`{${prefixOf(place)}}*`)

describe('Redis', needsRedis, () => {
  // The suites look at a transport before they are registered.
  if (url === undefined) return

  testStore({ name: 'redis', runner, create: open, reopen: open, remove })

  // Shorter leases expire where the machine pauses.
  testTransport({
    ...logBackend({
      name: 'log over redis',
      runtime: realRuntime(),
      store: open,
      remove,
      log: { lease: 1_500, poll: 20 },
    }),
    runner,
  })

  const mortals = new Map<Transport, MortalTransport>()
  const connect = async (place: string): Promise<Transport> => {
    const adapter = redisTransport(url as string, { prefix: prefixOf(place), lease: 1_500, poll: 20 })
    const mortal = await openMortal(adapter, hostOf())
    mortals.set(mortal.transport, mortal)
    return mortal.transport
  }
  testTransport({
    name: 'redis streams',
    runner,
    create: connect,
    reopen: connect,
    crash: (transport) => mortals.get(transport)?.end(),
    takeover: 3_000,
    remove,
  })

  const listen = (place: string): Promise<Transport> =>
    redisPubSub(`redis-pubsub${(url as string).slice('redis'.length)}`, { channelPrefix: `${prefixOf(place)}:` }).open(
      hostOf(),
    )
  testTransport({ name: 'redis pub/sub', runner, create: listen, reopen: listen })
})
