import { AckPolicy, type JsMsg, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'

import { gather } from './gather.ts'
import type { RawBroker } from './raw-broker.ts'

/** `@nats-io/jetstream`: a file stream, ids by which the server knows duplicates, a durable consumer whose acknowledgement holds for all before it. */
export async function open(url: string, place: string): Promise<RawBroker> {
  const connection = await connect({ servers: [new URL(url).host], noAsyncTraces: true })
  const manager = await jetstreamManager(connection)
  await manager.streams.add({ name: place, subjects: [`${place}.>`] })
  const client = jetstream(connection)
  let ids = 0
  return {
    publish: async (key, value) => {
      await client.publish(`${place}.${key}`, value, { msgID: String(++ids) })
    },
    async listen(handle) {
      await manager.consumers.add(place, {
        durable_name: 'one',
        ack_policy: AckPolicy.All,
        max_ack_pending: 8_192,
      })
      const consumer = await client.consumers.get(place, 'one')
      const heard = gather<JsMsg>(
        (message) => message.string(),
        handle,
        (last) => last.ack(),
      )
      await consumer.consume({ max_messages: 2_048, callback: heard })
    },
    async close() {
      await manager.streams.delete(place)
      await connection.close()
    },
  }
}
