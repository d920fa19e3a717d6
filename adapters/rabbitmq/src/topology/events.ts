import type { Channel } from 'rabbitmq-client'
import { TidingsError } from 'tidings/spi'

import { reasonOf } from '../connection/broker-error.ts'
import type { Names } from './names.ts'

/** Makes what everybody under a prefix shares, where it is missing. Spends the channel where it rejects. */
export async function declareShared(channel: Channel, names: Names, partitions: number): Promise<void> {
  const { events, groups } = names
  await channel.exchangeDeclare({ exchange: events, type: 'topic', durable: true })
  await channel.exchangeDeclare({ exchange: groups, type: 'direct', durable: true })
  await declarePartitions(channel, names, partitions)
}

/**
 * Writes down the count of partitions, or finds that another one stands: events of one stream would go to two places. The count is the bound of a
 * queue that nobody publishes to; RabbitMQ refuses to declare it with another.
 */
async function declarePartitions(channel: Channel, { partitions }: Names, count: number): Promise<void> {
  try {
    await channel.queueDeclare({ queue: partitions, durable: true, arguments: { 'x-max-length': count } })
  } catch (error) {
    if (reasonOf(error) !== 'PRECONDITION_FAILED') throw error
    const found = /current is '(\d+)'/.exec(String((error as Error).message))?.[1]
    const stands = found === undefined ? 'another number' : found
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      `Expected \`partitions\` to be what is fixed under this prefix at the broker, ${stands}, got ${count}.`,
      { cause: error, details: { field: 'partitions', got: count, ...(found && { expected: Number(found) }) } },
    )
  }
}
