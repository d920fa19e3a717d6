import type { EnvironmentReader } from './environment.ts'

/** What EVENT_BUS_TYPE may say. */
export const busTypes = ['memory', 'sqlite', 'postgres', 'redis', 'redis-pubsub', 'kafka', 'rabbitmq', 'nats'] as const

export type BusType = (typeof busTypes)[number]

/** How one type is reached: the variable that holds its address, the schemes of that, and where a developer's own server listens. */
interface Reach {
  readonly variable: string
  readonly schemes: readonly string[]
  readonly nearby: string
  /** The variable that says how names at the server begin. */
  readonly prefix?: string
}

const reaches: Readonly<Record<BusType, Reach>> = {
  memory: { variable: 'TIDINGS_STORE_URL', schemes: ['memory'], nearby: 'memory:' },
  sqlite: { variable: 'TIDINGS_STORE_URL', schemes: ['sqlite'], nearby: 'sqlite:./tidings.db' },
  postgres: {
    variable: 'POSTGRES_URL',
    schemes: ['postgres', 'postgresql'],
    nearby: 'postgres://postgres@localhost:5432/postgres',
  },
  redis: {
    variable: 'REDIS_EVENT_URL',
    schemes: ['redis', 'rediss'],
    nearby: 'redis://localhost:6379',
    prefix: 'REDIS_CHANNEL_PREFIX',
  },
  'redis-pubsub': {
    variable: 'REDIS_EVENT_URL',
    schemes: ['redis', 'rediss', 'redis-pubsub', 'rediss-pubsub'],
    nearby: 'redis://localhost:6379',
    prefix: 'REDIS_CHANNEL_PREFIX',
  },
  kafka: {
    variable: 'KAFKA_BOOTSTRAP_SERVERS',
    schemes: ['kafka', 'kafka+ssl'],
    nearby: 'localhost:9092',
    prefix: 'KAFKA_TOPIC_PREFIX',
  },
  rabbitmq: { variable: 'RABBITMQ_URL', schemes: ['amqp', 'amqps'], nearby: 'amqp://localhost:5672' },
  nats: { variable: 'NATS_URL', schemes: ['nats', 'tls'], nearby: 'nats://localhost:4222' },
}

const stores: ReadonlySet<BusType> = new Set(['memory', 'sqlite', 'postgres', 'redis'])

/** Whether events can be kept there; the others only move them. Redis does both. */
export function isStoreType(type: BusType): boolean {
  return stores.has(type)
}

export function isBrokerType(type: BusType): boolean {
  return !stores.has(type) || type === 'redis'
}

/** The type that a URL names; undefined for any other. */
export function typeOfUrl(url: string): BusType | undefined {
  const scheme = url.slice(0, Math.max(0, url.indexOf(':'))).toLowerCase()
  if (scheme === 'redis-pubsub' || scheme === 'rediss-pubsub') return 'redis-pubsub'
  return busTypes.find((type) => reaches[type].schemes.includes(scheme))
}

/** The URL of a type, from its own variables. `near`: whether a server that nobody named is looked for on this machine. */
export function urlOfType(type: BusType, env: EnvironmentReader, near: boolean): string | undefined {
  const { variable, schemes, nearby } = reaches[type]
  const given = env.text(variable)
  if (given === undefined && !near) {
    env.wrong(variable, `to be given: EVENT_BUS_TYPE is ${type}`)
    return undefined
  }
  const address = given ?? nearby
  if (type === 'kafka' && !address.includes('://')) return kafkaUrl(variable, address, env)
  const named = typeOfUrl(address)
  if (named === undefined || !schemes.includes(address.slice(0, address.indexOf(':')).toLowerCase())) {
    env.wrong(variable, `to begin with ${schemes.map((scheme) => `${scheme}:`).join(' or ')}`)
    return undefined
  }
  return type === 'redis-pubsub' ? address.replace(/^redis(s?):/i, 'redis$1-pubsub:') : address
}

/** The same URL with the prefix that the variable of its type says, where it says one. */
export function withPrefix(url: string, env: EnvironmentReader): string {
  const type = typeOfUrl(url)
  const variable = type === undefined ? undefined : reaches[type].prefix
  const prefix = variable === undefined ? undefined : env.text(variable)
  if (variable === undefined || prefix === undefined) return url
  if (!/^[A-Za-z0-9._:-]{1,80}$/.test(prefix)) {
    env.wrong(variable, 'to be 1 to 80 letters, digits, `.`, `_`, `:` or `-`')
    return url
  }
  const option = type === 'redis-pubsub' ? 'channelPrefix' : 'prefix'
  if (new RegExp(`[?&]${option}=`).test(url)) {
    env.wrong(variable, `or \`${option}\` in the URL, not both`)
    return url
  }
  return `${url}${url.includes('?') ? '&' : '?'}${option}=${encodeURIComponent(prefix)}`
}

function kafkaUrl(variable: string, servers: string, env: EnvironmentReader): string | undefined {
  const hosts = servers.split(',').map((host) => host.trim())
  if (hosts.every((host) => /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/.test(host)))
    return `kafka://${hosts.join(',')}/`
  env.wrong(variable, 'to be addresses such as host:9092, separated by commas')
  return undefined
}
