import type { Authenticator, TlsOptions } from '@nats-io/transport-node'
import { Mistakes } from 'tidings/spi'

/** What the stream lets go. Events go whether or not anybody has heard them; the oldest first. Each default: all stay. */
export interface NatsKeepOptions {
  /** Milliseconds that an event stays after it was stored. */
  readonly age?: number
  /** Most bytes of the stream. */
  readonly bytes?: number
  /** Most events of the stream. */
  readonly events?: number
}

export interface NatsOptions {
  /** Where the cluster can first be reached, as `host:port`; one that answers is enough. */
  readonly servers: readonly string[]
  /**
   * Name of the stream, and first token of its subjects, such as `tidings.order.3`: 1 to 100 letters, digits, hyphens and
   * underscores; default `tidings`. Services that talk to each other use the same.
   */
  readonly prefix?: string
  /**
   * Fixed share count of a new stream, 1 to 256; default 8. An existing stream keeps its own: asking for another is an error. Each costs the
   * server one consumer a group; more than members of a group ever share is idle.
   */
  readonly partitions?: number
  /** Where a new stream is kept; default `file`. `memory` does not survive the server. Asking for another than an existing stream has is an error. */
  readonly storage?: 'file' | 'memory'
  /** Copies of a new stream, 1 to 5; default 1. Needs a cluster of that many. */
  readonly replicas?: number
  /** What a new stream lets go: events older than `age` milliseconds, beyond `bytes`, or beyond `events`, the oldest first, heard or not. Default: nothing. */
  readonly keep?: NatsKeepOptions
  /**
   * Milliseconds within which a new stream knows an event that is published again, 100 to 86,400,000; default 120,000. Longer costs memory of
   * the server; whoever repeats later than that is heard twice.
   */
  readonly duplicateWindow?: number
  /** Milliseconds after which a silent member loses its partitions, 100 to 3,600,000; default 5,000. Shorter takes over sooner and writes more. */
  readonly lease?: number
  /** Milliseconds until a request without an answer is given up, and an event without an acknowledgement is `unknown`, 50 to 600,000; default 5,000. */
  readonly timeout?: number
  /** Events that a consumer keeps ahead of what was requested, over all its partitions, 16 to 1,048,576; default 4,096. */
  readonly prefetch?: number
  /** Bytes of them, at most about twice as many, 65,536 to 4,294,967,296; default 16 MiB. A single event may be larger. */
  readonly prefetchBytes?: number
  /** Milliseconds between two pings; default 10,000. A server that answers neither of two is given up for another. */
  readonly pingInterval?: number
  /** How this client is called on the server; default `tidings`. */
  readonly name?: string
  /** Before the subjects that answers come to; default `_INBOX`. A private one keeps other users of an account from listening. */
  readonly inboxPrefix?: string
  /** JetStream domain, where the server's is not the one to use. */
  readonly domain?: string
  /** With `password`. */
  readonly user?: string
  readonly password?: string
  /** Instead of user and password. */
  readonly token?: string
  /** For keys, JWT and credentials files: an authenticator of `@nats-io/transport-node`. */
  readonly authenticator?: Authenticator
  /** TLS as `@nats-io/transport-node` takes it; `{}` for TLS with the system's certificates. Default: where the server asks for it. */
  readonly tls?: TlsOptions
}

type Optional =
  | 'inboxPrefix'
  | 'domain'
  | 'user'
  | 'password'
  | 'token'
  | 'authenticator'
  | 'tls'
  | 'storage'
  | 'partitions'
  | 'replicas'

/** The options with their defaults. What an existing stream may decide stays undefined where nobody asked. */
export type NatsSettings = Required<Omit<NatsOptions, Optional>> & Pick<NatsOptions, Optional>

const defaults: Omit<NatsSettings, 'servers' | Optional> = Object.freeze({
  prefix: 'tidings',
  keep: Object.freeze({}),
  duplicateWindow: 120_000,
  lease: 5_000,
  timeout: 5_000,
  prefetch: 4_096,
  prefetchBytes: 16_777_216,
  pingInterval: 10_000,
  name: 'tidings',
})

const optional: readonly Optional[] = [
  'inboxPrefix',
  'domain',
  'user',
  'password',
  'token',
  'authenticator',
  'tls',
  'storage',
  'partitions',
  'replicas',
]
const names = new Set<string>(['servers', ...Object.keys(defaults), ...optional])
const keepNames = new Set(['age', 'bytes', 'events'])

/** The options with their defaults. Throws TIDINGS_INVALID_OPTION naming every mistake at once, those found before included. */
export function settingsOf(options: NatsOptions, mistakes: Mistakes = new Mistakes()): NatsSettings {
  const given = Object.fromEntries(
    Object.entries(isObject(options) ? options : {}).filter(([, value]) => value !== undefined),
  ) as unknown as NatsOptions
  const settings: NatsSettings = { ...defaults, ...given }
  for (const name of Object.keys(given))
    mistakes.expect(names.has(name), `\`${name.slice(0, 80)}\` not to be given: there is no such option`)
  checkNames(settings, mistakes)
  checkCounts(settings, mistakes)
  checkKeep(settings, given.duplicateWindow !== undefined, mistakes)
  checkSecurity(settings, mistakes)
  mistakes.throwAny('Cannot use NATS', { field: 'nats' })
  return Object.freeze(settings)
}

function checkNames({ servers, prefix, name, inboxPrefix, domain, storage }: NatsSettings, mistakes: Mistakes): void {
  mistakes.expect(
    Array.isArray(servers) && servers.length > 0 && servers.every(isServer),
    '`servers` to be a list of host:port, at least one',
  )
  mistakes.expect(
    typeof prefix === 'string' && /^[A-Za-z0-9_-]{1,100}$/.test(prefix),
    '`prefix` to be 1 to 100 letters, digits, hyphens and underscores',
    prefix,
  )
  mistakes.expect(
    typeof name === 'string' && /^[\x20-\x7e]{1,200}$/.test(name),
    '`name` to be 1 to 200 ASCII characters',
    name,
  )
  mistakes.expect(
    inboxPrefix === undefined || (typeof inboxPrefix === 'string' && /^[A-Za-z0-9_.-]{1,100}$/.test(inboxPrefix)),
    '`inboxPrefix` to be 1 to 100 letters, digits, dots, hyphens and underscores',
    inboxPrefix,
  )
  mistakes.expect(
    domain === undefined || (typeof domain === 'string' && /^[A-Za-z0-9_-]{1,100}$/.test(domain)),
    '`domain` to be 1 to 100 letters, digits, hyphens and underscores',
    domain,
  )
  mistakes.expect(
    storage === undefined || storage === 'file' || storage === 'memory',
    "`storage` to be 'file' or 'memory'",
    storage,
  )
}

function checkCounts(settings: NatsSettings, mistakes: Mistakes): void {
  const whole = (name: keyof NatsSettings, least: number, most: number): void =>
    mistakes.expect(isWhole(settings[name], least, most), `\`${name}\` ${range(least, most)}`, settings[name])
  if (settings.partitions !== undefined) whole('partitions', 1, 256)
  if (settings.replicas !== undefined) whole('replicas', 1, 5)
  whole('duplicateWindow', 100, 86_400_000)
  whole('lease', 100, 3_600_000)
  whole('timeout', 50, 600_000)
  whole('prefetch', 16, 1_048_576)
  whole('prefetchBytes', 65_536, 4_294_967_296)
  whole('pingInterval', 100, 3_600_000)
}

function checkKeep({ keep, duplicateWindow }: NatsSettings, asked: boolean, mistakes: Mistakes): void {
  mistakes.expect(isObject(keep), '`keep` to be an object', keep)
  if (!isObject(keep)) return
  const { age, bytes, events } = keep
  for (const name of Object.keys(keep))
    mistakes.expect(keepNames.has(name), `\`keep.${name.slice(0, 80)}\` not to be given: there is no such option`)
  for (const [name, value, least] of [
    ['age', age, 100],
    ['bytes', bytes, 1],
    ['events', events, 1],
  ] as const)
    mistakes.expect(
      value === undefined || isWhole(value, least, Number.MAX_SAFE_INTEGER / 1_000_000),
      `\`keep.${name}\` to be a whole number from ${least}`,
      value,
    )
  mistakes.expect(
    !asked || typeof age !== 'number' || duplicateWindow <= age,
    '`duplicateWindow` to be at most `keep.age`',
  )
}

function checkSecurity({ user, password, token, authenticator, tls }: NatsSettings, mistakes: Mistakes): void {
  // What was given instead is never told: it may be a secret that stands in the wrong place.
  for (const [name, value] of Object.entries({ user, password, token }))
    mistakes.expect(value === undefined || typeof value === 'string', `\`${name}\` to be text`)
  mistakes.expect(password === undefined || user !== undefined, '`user` to be given with `password`')
  mistakes.expect(
    authenticator === undefined || typeof authenticator === 'function',
    '`authenticator` to be an authenticator of @nats-io/transport-node',
  )
  mistakes.expect(tls === undefined || isObject(tls), '`tls` to be an object')
}

/** `host:port` or `[::1]:port`. */
function isServer(server: unknown): boolean {
  if (typeof server !== 'string') return false
  const match = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(server)
  return match !== null && Number(match[1]) >= 1 && Number(match[1]) <= 65_535
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most
}

function range(least: number, most: number): string {
  return `to be a whole number from ${least.toLocaleString('en')} to ${most.toLocaleString('en')}`
}

function isObject<Value>(value: Value): value is Value & object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
