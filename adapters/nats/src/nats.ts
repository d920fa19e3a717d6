import type { TransportAdapter } from 'tidings/spi'

import { type NatsOptions, settingsOf } from './nats-options.ts'
import { optionsFromUrl } from './nats-url.ts'
import { openNats } from './open-nats.ts'

/**
 * The NATS transport: `nats({ servers: ['127.0.0.1:4222'] })`. Opening it connects, makes its stream where there is none, reads back what
 * the server promises, and rejects with `TIDINGS_BROKER_UNAVAILABLE` where no server answers. Throws TIDINGS_INVALID_OPTION naming every mistake at once.
 */
export function nats(options: NatsOptions): TransportAdapter {
  const settings = settingsOf(options)
  return { name: 'nats', open: async (host) => (await openNats(settings, host)).transport }
}

/**
 * The same from a URL alone: `nats://host:port,host:port/?prefix=shop&partitions=16`, `tls://…` for TLS with the system's certificates.
 * A user and password stand before the hosts, a single word there is a token; options follow the question mark.
 */
export function transportFromUrl(url: string): TransportAdapter {
  const { options, mistakes } = optionsFromUrl(url)
  const settings = settingsOf(options, mistakes)
  return { name: 'nats', open: async (host) => (await openNats(settings, host)).transport }
}
