import { Mistakes, type TransportAdapter } from 'tidings/spi'

import { type KafkaOptions, settingsOf } from './kafka-options.ts'
import { openKafka } from './open-kafka.ts'

/**
 * The Kafka transport: `kafka({ brokers: ['127.0.0.1:9092'] })`. Opening it connects, reads what the brokers promise, and rejects with
 * `TIDINGS_BROKER_UNAVAILABLE` where none can be reached. Throws TIDINGS_INVALID_OPTION naming every mistake at once.
 */
export function kafka(options: KafkaOptions): TransportAdapter {
  const settings = settingsOf(options)
  return { name: 'kafka', open: async (host) => (await openKafka(settings, host)).transport }
}

const numbers = new Set([
  'partitions',
  'replication',
  'sessionTimeout',
  'heartbeatInterval',
  'rebalanceTimeout',
  'commitInterval',
  'fetchWait',
  'fetchBytes',
  'refreshInterval',
  'connectTimeout',
  'requestTimeout',
  'deliveryTimeout',
  'closeTimeout',
])

/**
 * The same from a URL alone: `kafka://host:port,host:port/?prefix=shop.&partitions=16`. `kafka+ssl://` asks for TLS; a user and password
 * log in by the `sasl` mechanism named in the query, default `PLAIN`. Options follow the question mark; a path, where there is one, is the prefix.
 */
export function transportFromUrl(url: string): TransportAdapter {
  const mistakes = new Mistakes()
  // Several hosts are no URL to the platform's parser.
  const match = /^kafka(\+ssl)?:\/\/(?:([^@/?#]*)@)?([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(String(url))
  mistakes.expect(match !== null, '`url` to be kafka://host:port,host:port/?option=value')
  const [, ssl, user, hosts = '', path = '', query = ''] = match ?? []
  const given: Record<string, unknown> = {
    brokers: hosts.split(',').map((host) => (/:\d+$/.test(host) ? host : `${host}:9092`)),
  }
  if (path !== '') given.prefix = decoded('path', path, mistakes)
  if (ssl !== undefined) given.tls = {}
  let mechanism = 'PLAIN'
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === 'prefix' || name === 'clientId') given[name] = value
    else if (name === 'sasl') mechanism = value
    else if (name === 'createTopics') given[name] = value === 'true' ? true : value === 'false' ? false : value
    else if (numbers.has(name)) given[name] = value === '' ? Number.NaN : Number(value)
    else mistakes.expect(false, `\`${name.slice(0, 80)}\` not to be in the URL: there is no such option`)
  }
  if (user !== undefined) {
    const [name = '', password = ''] = user.split(/:(.*)/s)
    given.sasl = {
      mechanism,
      username: decoded('user', name, mistakes),
      password: decoded('password', password, mistakes),
    }
  }
  const settings = settingsOf(given as unknown as KafkaOptions, mistakes)
  return { name: 'kafka', open: async (host) => (await openKafka(settings, host)).transport }
}

function decoded(field: string, text: string, mistakes: Mistakes): string {
  try {
    return decodeURIComponent(text)
  } catch {
    mistakes.expect(false, `the ${field} of the URL to have no percent sign that encodes nothing; write it as %25`)
    return ''
  }
}
