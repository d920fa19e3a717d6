import { type TransportBackend, testTransport } from '@tidings/conformance'
import type { Transport } from 'tidings/spi'
import { afterAll, describe, it } from 'vitest'

import { serverUrl, without } from '../../../tools/servers/index.ts'
import { freshPrefix, open, removeStreams } from '../tests/nats-world.ts'
import type { NatsOptions } from './nats-options.ts'
import type { OpenedNats } from './open-nats.ts'

const url = (await serverUrl('nats')) ?? ''
const runner = { describe, it, afterAll }

function natsBackend(name: string, options: Partial<NatsOptions> = {}): TransportBackend {
  const opened = new WeakMap<Transport, OpenedNats>()
  const random = freshPrefix()
  const openAt = async (place: string): Promise<Transport> => {
    const one = await open(url, { prefix: `${random}-${place}`, ...options })
    opened.set(one.transport, one)
    return one.transport
  }
  return {
    name,
    create: openAt,
    reopen: openAt,
    crash: async (transport) => opened.get(transport)?.abandon(),
    remove: (place) => removeStreams(url, `${random}-${place}`),
    takeover: 3_000,
  }
}

describe('on NATS', without('nats'), () => {
  // The suites look at a transport before they are registered.
  if (url === '') return
  testTransport({ ...natsBackend('nats'), runner })
  testTransport({
    ...natsBackend('nats in memory, three partitions', { storage: 'memory', partitions: 3, prefetch: 16 }),
    runner,
  })
})
