import { suiteTopics, type TransportBackend, testTransport } from '@tidings/conformance'
import type { Transport } from 'tidings/spi'
import { afterAll, describe, it } from 'vitest'

import { without } from '../../../tools/servers/index.ts'
import { type KafkaWorld, kafkaWorld, quick } from '../tests/kafka-world.ts'
import type { OpenedKafka } from './open-kafka.ts'

const missing = without('kafka')

describe('Kafka', missing, () => {
  // The suite looks at a transport before it is registered.
  if (missing.skip) return
  testTransport({ ...kafkaBackend('kafka'), runner: { describe, it, afterAll } })
})

/** The Kafka transport as the conformance suite wants it described. */
function kafkaBackend(name: string): TransportBackend {
  const worlds = new Map<string, Promise<KafkaWorld>>()
  const lives = new WeakMap<Transport, OpenedKafka>()
  const connect = async (place: string): Promise<Transport> => {
    const opened = await (await (worlds.get(place) as Promise<KafkaWorld>)).open()
    lives.set(opened.transport, opened)
    return opened.transport
  }
  return {
    name,
    takeover: quick.sessionTimeout + 1_000,
    async create(place) {
      const world = kafkaWorld()
      worlds.set(place, world)
      await (await world).make(suiteTopics)
      return connect(place)
    },
    reopen: connect,
    crash: (transport) => lives.get(transport)?.abandon(),
    async remove(place) {
      await (await worlds.get(place))?.end()
      worlds.delete(place)
    },
  }
}
