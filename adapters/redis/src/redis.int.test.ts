import { logBackend, testStore, testTransport } from '@tidings/conformance'
import { realRuntime, type Store } from 'tidings/spi'
import { afterAll, describe, it } from 'vitest'

import { without } from '../../../tools/servers/index.ts'
import { hostOf, prefixOf, removeStore, url } from '../tests/redis-world.ts'
import { redis } from './index.ts'

const runner = { describe, it, afterAll }
const notRun = without('redis')

const open = (place: string): Promise<Store> => redis(url as string, { prefix: prefixOf(place) }).open(hostOf())
const remove = (place: string): Promise<void> => removeStore(prefixOf(place))

describe('Redis', notRun, () => {
  testStore({ name: 'redis', runner, create: open, reopen: open, remove })

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
})
