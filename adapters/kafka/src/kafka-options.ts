import type { ConnectionOptions, SASLOptions } from '@platformatic/kafka'
import { Mistakes } from 'tidings/spi'

export interface KafkaOptions {
  /** Where the cluster can first be reached, as `host:port`; one that answers is enough, two or three let one be away. */
  readonly brokers: readonly string[]
  /**
   * Before the names of topics and groups; default `tidings.`. Services that talk to each other use the same. With an empty prefix who
   * hears all topics hears every topic of the cluster.
   */
  readonly prefix?: string
  /** How this client is called in the broker's logs and quotas; default `tidings`. */
  readonly clientId?: string
  /** Partitions of topics that are made here, 1 to 10,000; default 8. Topics that exist keep theirs. More than members of a group ever share is idle. */
  readonly partitions?: number
  /** Copies of topics that are made here; default: as the broker is configured. */
  readonly replication?: number
  /** Whether missing topics are made; default true. If not, publishing to one and subscribing to one tells what to make. */
  readonly createTopics?: boolean
  /** Milliseconds after which a silent member loses its partitions; default 10,000. The broker allows 6,000 to 1,800,000 unless configured otherwise. */
  readonly sessionTimeout?: number
  /** Milliseconds between two signs of life, at most a third of the session; default a tenth of it. Members hear of each other that late. */
  readonly heartbeatInterval?: number
  /** Milliseconds within which every member must follow a change of the group; default 30,000. Longer than any blocked event loop. */
  readonly rebalanceTimeout?: number
  /** Milliseconds between two commits of what is done; default 1,000. Only the broker's own tools look at them. */
  readonly commitInterval?: number
  /** Milliseconds that the broker may hold a fetch when there is nothing new; default 250. New partitions and seeks wait that long. */
  readonly fetchWait?: number
  /** Bytes that a consumer keeps ahead of what was requested, at most about twice as many; default 8 MiB. */
  readonly fetchBytes?: number
  /** Milliseconds between two looks for topics and partitions that others have made; default 10,000. */
  readonly refreshInterval?: number
  /** Milliseconds until a connection attempt is given up; default 5,000. */
  readonly connectTimeout?: number
  /** Milliseconds until a request without an answer is given up and its connection replaced; default 15,000. */
  readonly requestTimeout?: number
  /** Milliseconds that an event may wait for the broker's answer before its outcome is `unknown`; default 30,000. */
  readonly deliveryTimeout?: number
  /** Milliseconds that `close` waits for events on their way and for the group to be left; default 3,000. */
  readonly closeTimeout?: number
  /** Handed to Node's TLS; `{}` for TLS with the system's certificates. Default: no TLS. */
  readonly tls?: NonNullable<ConnectionOptions['tls']>
  /** How to log in: mechanism, and a user and password or a token. See `@platformatic/kafka`. */
  readonly sasl?: SASLOptions
}

export type KafkaSettings = Required<Omit<KafkaOptions, 'replication' | 'tls' | 'sasl'>> &
  Pick<KafkaOptions, 'replication' | 'tls' | 'sasl'>

const defaults: Omit<KafkaSettings, 'brokers' | 'heartbeatInterval' | 'replication' | 'tls' | 'sasl'> = Object.freeze({
  prefix: 'tidings.',
  clientId: 'tidings',
  partitions: 8,
  createTopics: true,
  sessionTimeout: 10_000,
  rebalanceTimeout: 30_000,
  commitInterval: 1_000,
  fetchWait: 250,
  fetchBytes: 8_388_608,
  refreshInterval: 10_000,
  connectTimeout: 5_000,
  requestTimeout: 15_000,
  deliveryTimeout: 30_000,
  closeTimeout: 3_000,
})

const names = new Set([...Object.keys(defaults), 'brokers', 'heartbeatInterval', 'replication', 'tls', 'sasl'])
const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER', 'GSSAPI']

/** The options with their defaults. Throws TIDINGS_INVALID_OPTION naming every mistake at once, those found before included. */
export function settingsOf(options: KafkaOptions, mistakes: Mistakes = new Mistakes()): KafkaSettings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as KafkaOptions
  const settings: KafkaSettings = {
    ...defaults,
    heartbeatInterval: Math.ceil(Number(given.sessionTimeout ?? defaults.sessionTimeout) / 10),
    ...given,
  }
  for (const name of Object.keys(given))
    mistakes.expect(names.has(name), `\`${name.slice(0, 80)}\` not to be given: there is no such option`)
  checkNames(settings, mistakes)
  checkTimes(settings, mistakes)
  checkSecurity(settings, mistakes)
  mistakes.throwAny('Cannot use Kafka', { field: 'kafka' })
  return Object.freeze(settings)
}

function checkNames({ brokers, prefix, clientId, createTopics }: KafkaSettings, mistakes: Mistakes): void {
  mistakes.expect(
    Array.isArray(brokers) && brokers.length > 0 && brokers.every(isBroker),
    '`brokers` to be a list of host:port, at least one',
  )
  mistakes.expect(
    typeof prefix === 'string' && /^[A-Za-z0-9._-]{0,100}$/.test(prefix),
    '`prefix` to be at most 100 letters, digits, dots, hyphens and underscores',
    prefix,
  )
  mistakes.expect(
    typeof clientId === 'string' && /^[\x21-\x7e]{1,200}$/.test(clientId),
    '`clientId` to be 1 to 200 ASCII characters without spaces',
    clientId,
  )
  mistakes.expect(typeof createTopics === 'boolean', '`createTopics` to be true or false', createTopics)
}

function checkTimes(settings: KafkaSettings, mistakes: Mistakes): void {
  const whole = (name: keyof KafkaSettings, least: number, most: number): void => {
    const value = settings[name]
    const fine = Number.isInteger(value) && (value as number) >= least && (value as number) <= most
    mistakes.expect(fine, `\`${name}\` to be a whole number from ${english(least)} to ${english(most)}`, value)
  }
  whole('partitions', 1, 10_000)
  if (settings.replication !== undefined) whole('replication', 1, 100)
  whole('sessionTimeout', 100, 1_800_000)
  whole('heartbeatInterval', 10, Math.max(10, Math.floor(Number(settings.sessionTimeout) / 3) || 10))
  whole('rebalanceTimeout', 100, 3_600_000)
  whole('commitInterval', 10, 3_600_000)
  whole('fetchWait', 1, 60_000)
  whole('fetchBytes', 65_536, 1_073_741_824)
  whole('refreshInterval', 10, 3_600_000)
  for (const name of ['connectTimeout', 'requestTimeout', 'deliveryTimeout', 'closeTimeout'] as const)
    whole(name, 10, 3_600_000)
}

function checkSecurity({ tls, sasl }: KafkaSettings, mistakes: Mistakes): void {
  mistakes.expect(tls === undefined || isObject(tls), "`tls` to be an object with Node's TLS options")
  mistakes.expect(sasl === undefined || isObject(sasl), '`sasl` to be an object')
  if (!isObject(sasl)) return
  mistakes.expect(mechanisms.includes(sasl.mechanism), `\`sasl.mechanism\` to be one of ${mechanisms.join(', ')}`)
}

/** `host:port` or `[::1]:port`. */
function isBroker(broker: unknown): boolean {
  if (typeof broker !== 'string') return false
  const match = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(broker)
  return match !== null && Number(match[1]) >= 1 && Number(match[1]) <= 65_535
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function english(count: number): string {
  return count.toLocaleString('en')
}
