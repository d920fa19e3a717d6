import type { TransportAdapter } from 'tidings/spi'

import { openRabbitmq } from './open-rabbitmq.ts'
import { type RabbitmqOptions, settingsOf } from './rabbitmq-options.ts'

/**
 * The RabbitMQ transport: `rabbitmq({ url: 'amqp://user:password@host/vhost' })`. Opening it connects, makes the exchange that events go through,
 * and rejects with `TIDINGS_BROKER_UNAVAILABLE` where no node can be reached. Throws TIDINGS_INVALID_OPTION naming every mistake at once.
 */
export function rabbitmq(options: RabbitmqOptions): TransportAdapter {
  const settings = settingsOf(options)
  return { name: 'rabbitmq', open: (host) => openRabbitmq(settings, host) }
}

/**
 * The same from a URL alone: `amqp://user:password@host:port/vhost?prefix=shop.&partitions=16`; `amqps://` asks for TLS. Options follow the
 * question mark.
 */
export function transportFromUrl(url: string): TransportAdapter {
  return rabbitmq({ url })
}
