import type { Host, Transport } from 'tidings/spi'

import { brokerError } from './connection/broker-error.ts'
import { checkInsides } from './connection/client-insides.ts'
import { Link } from './connection/link.ts'
import type { RabbitmqSettings } from './rabbitmq-options.ts'
import { RabbitmqTransport } from './rabbitmq-transport.ts'
import { declareShared } from './topology/events.ts'
import { namesOf } from './topology/names.ts'

/** Connects, and makes what everybody under the prefix shares. */
export async function openRabbitmq(settings: RabbitmqSettings, host: Host): Promise<Transport> {
  // The client costs its loading only where it is used.
  const { Connection } = await import('rabbitmq-client')
  const link = new Link(Connection, settings, host, 'publishing')
  try {
    await link.connected(settings.connectTimeout, 'connect')
    const channel = await link.acquire()
    checkInsides(channel)
    await declareShared(channel, namesOf(settings.prefix), settings.partitions)
    await channel.close()
  } catch (error) {
    await link.close(settings.closeTimeout)
    throw brokerError('open the transport', error)
  }
  return new RabbitmqTransport(link, () => new Link(Connection, settings, host, 'consuming'), settings, host)
}
