import { type AsyncMessage, Connection } from 'rabbitmq-client'
import { partitionOf } from 'tidings/spi'

import { gather } from './gather.ts'
import type { RawBroker } from './raw-broker.ts'

const partitions = 4

/** `rabbitmq-client` without Nagle's delay: four quorum queues, persistent messages with confirms, one acknowledgement for a batch. */
export async function open(url: string, place: string): Promise<RawBroker> {
  const [sending, hearing] = [url, url].map((one) => new Connection({ url: one, noDelay: true })) as [
    Connection,
    Connection,
  ]
  const channel = await sending.acquire()
  const exchange = `${place}.raw`
  const queues = Array.from({ length: partitions }, (_, at) => `${place}.raw.${at}`)
  await channel.exchangeDeclare({ exchange, type: 'topic', durable: true })
  for (const [at, queue] of queues.entries()) {
    await channel.queueDeclare({ queue, durable: true, arguments: { 'x-queue-type': 'quorum' } })
    await channel.queueBind({ queue, exchange, routingKey: `${at}.#` })
  }
  await channel.confirmSelect()
  return {
    publish: (key, value) =>
      channel.basicPublish(
        { exchange, routingKey: `${partitionOf(key, partitions)}.order`, durable: true },
        Buffer.from(value),
      ),
    async listen(handle) {
      for (const queue of queues) {
        const reader = await hearing.acquire()
        await reader.basicQos({ prefetchCount: 256 })
        const heard = gather<AsyncMessage>(
          ({ body }) => String(body),
          handle,
          ({ deliveryTag }) => reader.basicAck({ deliveryTag, multiple: true }),
        )
        await reader.basicConsume({ queue }, heard)
      }
    },
    async close() {
      await hearing.close()
      for (const queue of queues) await channel.queueDelete({ queue })
      await channel.exchangeDelete({ exchange })
      await channel.close()
      await sending.close()
    },
  }
}
