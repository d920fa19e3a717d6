import { Admin, Consumer, Producer } from '@platformatic/kafka'

import { coalesce } from './coalesce.ts'
import { gather } from './gather.ts'
import type { RawBroker } from './raw-broker.ts'

interface Message {
  readonly key: Buffer
  readonly value: Buffer
}

/** `@platformatic/kafka`: idempotent, acks of all, four partitions; a group that commits every second. `url`: `host:port`. */
export async function open(url: string, place: string): Promise<RawBroker> {
  const common = { clientId: 'bench', bootstrapBrokers: [url.replace(/^kafka:\/\//, '')], retryDelay: 50 }
  const topic = `${place}.raw`
  const admin = new Admin(common)
  await admin.createTopics({ topics: [topic], partitions: 4, replicas: 1 })
  const producer = new Producer({ ...common, idempotent: true })
  const consumer = new Consumer({ ...common, groupId: place })
  const add = coalesce<Message>((batch) =>
    producer.send({ messages: batch.map(({ key, value }) => ({ topic, key, value })), acks: -1 }),
  )
  let listening = false
  return {
    publish: (key, value) => add({ key: Buffer.from(key), value: Buffer.from(value) }),
    async listen(handle) {
      listening = true
      const stream = await consumer.consume({
        topics: [topic],
        mode: 'earliest',
        autocommit: 1_000,
        maxWaitTime: 40,
        highWaterMark: 2_048,
      })
      stream.on(
        'data',
        gather<{ value: Buffer | null }>(
          ({ value }) => String(value),
          handle,
          () => {},
        ),
      )
    },
    async close() {
      await consumer.close(listening)
      await producer.close()
      await admin.deleteTopics({ topics: [topic] }).catch(() => {})
      await admin.close()
    },
  }
}
