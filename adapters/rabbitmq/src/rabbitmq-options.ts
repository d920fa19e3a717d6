import type { ConnectionOptions as TlsOptions } from 'node:tls'

import { Mistakes } from 'tidings/spi'

export interface RabbitmqOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps://` for TLS. Instead of it, or beside it, the fields below; they win. */
  readonly url?: string
  /** Nodes of the cluster as `host:port`, tried one after another; default `127.0.0.1:5672`, with TLS port 5671. */
  readonly hosts?: readonly string[]
  readonly username?: string
  readonly password?: string
  /** Default `/`. */
  readonly vhost?: string
  /** Handed to Node's TLS; `true` or `{}` for TLS with the system's certificates. Default: as the URL says. */
  readonly tls?: TlsOptions | boolean
  /** Before the names of exchanges and queues; default `tidings.`. Services that talk to each other use the same. */
  readonly prefix?: string
  /** Queues of each group, 1 to 256; default 8. Fixed under one prefix: opening it with another number is an error. More than members of a group ever share is idle. */
  readonly partitions?: number
  /** Deliveries kept ahead of what was requested, for each partition, 1 to 10,000; default 256. They wait in this process's memory: lower it where events are large. */
  readonly prefetch?: number
  /** Largest event in bytes as it travels; default 1 MiB. Larger ones are refused. RabbitMQ itself takes 128 MiB unless configured otherwise. */
  readonly maxBytes?: number
  /** Events on their way to the broker at once, 1 to 65,536; default 1,024. */
  readonly window?: number
  /** Milliseconds that an event may wait for the broker's confirm before its outcome is `unknown`; default 10,000. */
  readonly publishTimeout?: number
  /** Milliseconds within which `open` and `subscribe` must reach the broker; default 10,000. */
  readonly connectTimeout?: number
  /** Milliseconds that `close` waits for confirms and for the broker; default 3,000. */
  readonly closeTimeout?: number
  /** Milliseconds between two looks of a consumer at its group and its queues; default 5,000. */
  readonly checkInterval?: number
  /** Seconds between signs of life of a connection; default 10. A silent broker is given up after twice as long. */
  readonly heartbeat?: number
  /** Largest frame in bytes, 4,096 to 131,072; default 131,072, which is RabbitMQ's own. Lower it where the broker's `frame_max` is lower. */
  readonly frameMax?: number
  /** How the connections are called in the broker's tools; default `tidings`. */
  readonly connectionName?: string
}

export interface RabbitmqSettings {
  readonly hosts: readonly string[]
  readonly username: string
  readonly password: string
  readonly vhost: string
  readonly tls: TlsOptions | boolean
  readonly prefix: string
  readonly partitions: number
  readonly prefetch: number
  readonly maxBytes: number
  readonly window: number
  readonly publishTimeout: number
  readonly connectTimeout: number
  readonly closeTimeout: number
  readonly checkInterval: number
  readonly heartbeat: number
  readonly frameMax: number
  readonly connectionName: string
}

const defaults = Object.freeze({
  username: 'guest',
  password: 'guest',
  vhost: '/',
  tls: false,
  prefix: 'tidings.',
  partitions: 8,
  prefetch: 256,
  maxBytes: 1_048_576,
  window: 1_024,
  publishTimeout: 10_000,
  connectTimeout: 10_000,
  closeTimeout: 3_000,
  checkInterval: 5_000,
  heartbeat: 10,
  frameMax: 131_072,
  connectionName: 'tidings',
})

const names = new Set([...Object.keys(defaults), 'url', 'hosts'])

/** Options that a URL may carry behind its question mark. */
const textInUrl = new Set(['prefix', 'connectionName'])
const numberInUrl = new Set(
  Object.entries(defaults).flatMap(([name, value]) => (typeof value === 'number' ? [name] : [])),
)

/** The options with their defaults. Throws TIDINGS_INVALID_OPTION naming every mistake at once. */
export function settingsOf(options: RabbitmqOptions): RabbitmqSettings {
  const mistakes = new Mistakes()
  const isOptions = isObject(options)
  mistakes.expect(isOptions, 'the options to be an object')
  const given = definedOf(isOptions ? options : {})
  for (const name of Object.keys(given))
    mistakes.expect(names.has(name), `\`${name.slice(0, 80)}\` not to be given: there is no such option`)
  const named = given['url'] === undefined ? {} : parseUrl(given['url'], mistakes)
  const { url: _, ...rest } = given
  const asked = { ...defaults, ...named, ...rest } as RabbitmqSettings
  const settings = { ...asked, hosts: asked.hosts ?? [`127.0.0.1:${asked.tls === false ? 5672 : 5671}`] }
  checkConnection(settings, mistakes)
  checkNumbers(settings, mistakes)
  mistakes.throwAny('Cannot use RabbitMQ', { field: 'rabbitmq' })
  return Object.freeze(settings)
}

/** No part of the URL is ever repeated in a mistake: it may hold a password. */
function parseUrl(text: unknown, mistakes: Mistakes): Record<string, unknown> {
  const url = typeof text === 'string' && /^amqps?:\/\//.test(text) ? URL.parse(text) : null
  mistakes.expect(url !== null && url.hash === '', '`url` to be amqp://user:password@host:port/vhost?option=value')
  if (url === null) return {}
  const tls = url.protocol === 'amqps:'
  const named: Record<string, unknown> = { tls }
  const part = (field: string, encoded: string): string => {
    try {
      return decodeURIComponent(encoded)
    } catch {
      mistakes.expect(false, `the ${field} of the URL to have no percent sign that encodes nothing; write it as %25`)
      return 'unreadable'
    }
  }
  if (url.hostname !== '') named['hosts'] = [`${url.hostname}:${url.port || (tls ? 5671 : 5672)}`]
  if (url.username !== '') named['username'] = part('user', url.username)
  if (url.password !== '') named['password'] = part('password', url.password)
  const [vhost = '', ...more] = url.pathname.slice(1).split('/')
  mistakes.expect(more.length === 0, 'the virtual host of the URL to be one word, slashes in it written as %2F')
  if (vhost !== '') named['vhost'] = part('virtual host', vhost)
  for (const [name, value] of url.searchParams) {
    if (textInUrl.has(name)) named[name] = value
    else if (numberInUrl.has(name)) named[name] = value === '' ? Number.NaN : Number(value)
    else mistakes.expect(false, `\`${name.slice(0, 80)}\` not to be in the URL: there is no such option`)
  }
  return named
}

function checkConnection(settings: RabbitmqSettings, mistakes: Mistakes): void {
  const { hosts, username, password, vhost, tls, prefix, connectionName } = settings
  mistakes.expect(
    Array.isArray(hosts) && hosts.length > 0 && hosts.every((host) => isHost(host, hosts.length === 1)),
    '`hosts` to be a list of host:port, at least one; an IPv6 address only alone',
  )
  mistakes.expect(isText(username, 1, 255), '`username` to be text of 1 to 255 characters')
  mistakes.expect(isText(password, 0, 10_000), '`password` to be text')
  mistakes.expect(isText(vhost, 1, 255), '`vhost` to be text of 1 to 255 characters')
  mistakes.expect(typeof tls === 'boolean' || isObject(tls), "`tls` to be true, or an object with Node's TLS options")
  mistakes.expect(
    typeof prefix === 'string' && /^[A-Za-z0-9._-]{0,80}$/.test(prefix) && !prefix.startsWith('amq.'),
    '`prefix` to be at most 80 letters, digits, dots, hyphens and underscores, not beginning with amq.',
    prefix,
  )
  mistakes.expect(isText(connectionName, 1, 200), '`connectionName` to be text of 1 to 200 characters', connectionName)
}

function checkNumbers(settings: RabbitmqSettings, mistakes: Mistakes): void {
  const whole = (name: keyof RabbitmqSettings, least: number, most: number): void => {
    const value = settings[name]
    const fine = Number.isInteger(value) && (value as number) >= least && (value as number) <= most
    mistakes.expect(
      fine,
      `\`${name}\` to be a whole number from ${least.toLocaleString('en')} to ${most.toLocaleString('en')}`,
      value,
    )
  }
  whole('partitions', 1, 256)
  whole('prefetch', 1, 10_000)
  whole('maxBytes', 1_024, 134_217_728)
  whole('window', 1, 65_536)
  for (const name of ['publishTimeout', 'connectTimeout', 'closeTimeout', 'checkInterval'] as const)
    whole(name, 10, 3_600_000)
  whole('heartbeat', 1, 3_600)
  whole('frameMax', 4_096, 131_072)
}

function definedOf(options: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

/** `host:port`, `[::1]:port`. */
function isHost(host: unknown, alone: boolean): boolean {
  if (typeof host !== 'string') return false
  const match = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(host)
  if (match === null || (!alone && host.startsWith('['))) return false
  return Number(match[1]) >= 1 && Number(match[1]) <= 65_535
}

function isText(value: unknown, least: number, most: number): boolean {
  return typeof value === 'string' && value.length >= least && value.length <= most && !/\p{Cc}/u.test(value)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
