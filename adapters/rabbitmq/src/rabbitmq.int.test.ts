import { type TransportBackend, testTransport } from '@tidings/conformance'
import type { Transport } from 'tidings/spi'
import { afterAll, describe, it } from 'vitest'

import { without } from '../../../tools/servers/index.ts'
import type { CuttableProxy } from '../tests/cuttable-proxy.ts'
import { type RabbitmqWorld, rabbitmqWorld } from '../tests/rabbitmq-world.ts'

describe('RabbitMQ', without('rabbitmq'), () => {
  testTransport({ ...rabbitmqBackend('rabbitmq'), runner: { describe, it, afterAll } })
})

/** The RabbitMQ transport as the conformance suite wants it described. */
function rabbitmqBackend(name: string): TransportBackend {
  const worlds = new Map<string, RabbitmqWorld>()
  const proxies = new WeakMap<Transport, CuttableProxy>()
  const open = async (place: string): Promise<Transport> => {
    const world = worlds.get(place) ?? rabbitmqWorld()
    worlds.set(place, world)
    const { transport, proxy } = await world.openMortal()
    proxies.set(transport, proxy)
    return transport
  }
  return {
    name,
    create: open,
    reopen: open,
    crash: (transport) => proxies.get(transport)?.cut(),
    async remove(place) {
      await worlds.get(place)?.end()
      worlds.delete(place)
    },
  }
}
