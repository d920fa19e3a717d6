import type { TransportAdapter } from '../transport/adapter.ts'
import type { EventBusOptions } from './bus-options.ts'
import { loadAdapter, packageOf, schemeOf } from './load-adapter.ts'

/** Which package serves which broker. */
const brokers: Readonly<Record<string, string>> = {
  kafka: '@tidings/kafka',
  'kafka+ssl': '@tidings/kafka',
  amqp: '@tidings/rabbitmq',
  amqps: '@tidings/rabbitmq',
  nats: '@tidings/nats',
  tls: '@tidings/nats',
  'redis-pubsub': '@tidings/redis',
  'rediss-pubsub': '@tidings/redis',
}

/** Those that are stores where they stand alone. */
const alsoBrokers: Readonly<Record<string, string>> = { redis: '@tidings/redis', rediss: '@tidings/redis' }

/** Where events are kept when a broker is all that was named. */
export const besideBroker = 'sqlite:./tidings.db'

/** Whether a URL names a broker rather than a store. */
export function isBrokerUrl(url: unknown): boolean {
  return typeof url === 'string' && Object.hasOwn(brokers, schemeOf(url))
}

/** Whether the options ask for a broker, in whichever way. */
export function isBridged({ url, transport, transportUrl }: EventBusOptions): boolean {
  return isBroker(transport) || transportUrl !== undefined || isBrokerUrl(url)
}

/** Whether it is a broker that is to be opened, rather than a way to read the log. */
export function isBroker(transport: EventBusOptions['transport']): transport is TransportAdapter {
  return typeof transport === 'object' && transport !== null && 'open' in transport
}

export interface ResolvedOptions extends EventBusOptions {
  /** The store that nobody named. */
  readonly beside?: string
}

/** The same options with the broker as `transport`, however it was named; and with a store beside it, where it was named alone. */
export async function withBroker(options: EventBusOptions): Promise<ResolvedOptions> {
  const { url, transportUrl, store } = options
  if (transportUrl !== undefined) {
    const load = await loadAdapter(
      packageOf('transportUrl', transportUrl, { ...brokers, ...alsoBrokers }),
      'transportFromUrl',
    )
    return { ...options, transport: load(transportUrl) }
  }
  if (url === undefined || !isBrokerUrl(url)) return options
  const load = await loadAdapter(packageOf('url', url, brokers), 'transportFromUrl')
  const { url: _broker, ...rest } = options
  const beside = store === undefined ? { url: besideBroker, beside: besideBroker.replace(/^sqlite:/, '') } : {}
  return { ...rest, ...beside, transport: load(url) }
}
