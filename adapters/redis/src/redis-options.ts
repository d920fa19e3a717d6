import type { ConnectionOptions } from 'node:tls'

import { Mistakes } from 'tidings/spi'

/** Where a Redis server is and how to get in. */
export interface RedisConnectionOptions {
  /** For `rediss:` URLs: certificates and what else `tls.connect` takes. */
  readonly tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'passphrase' | 'rejectUnauthorized' | 'servername'>
  /** Instead of the URL's. */
  readonly username?: string
  readonly password?: string
  /**
   * Milliseconds without a sign of life after which a connection is given up and made anew, 100 to 3,600,000; default 10,000. Calls under way
   * then end with an error. Shorter takes slow scripts of others for a dead server.
   */
  readonly timeout?: number
}

/** What of the log is let go. Events go whether or not anybody has handled them, a thousand at a time, in the background. */
export interface KeepOptions {
  /** Milliseconds that an event stays, by its own time. */
  readonly age?: number
  /** Most events of the log; the oldest go. */
  readonly events?: number
  /** Most events of each stream; the oldest go. Looked after by the process that appends. */
  readonly perStream?: number
  /** Milliseconds between two looks, from 10; default 5,000. In between there may be more. */
  readonly every?: number
}

export interface RedisOptions extends RedisConnectionOptions {
  /** Begins every key of the store, in braces: `{tidings}log`. Letters, digits and `._:-`, 1 to 100; default `tidings`. */
  readonly prefix?: string
  /** Fixed share count of a new store, 1 to 1,024; default 8. An existing store keeps its own: asking for another is an error. */
  readonly partitions?: number
  /**
   * The least that the server must be set up for; opening is refused where it is set up for less. `always` (`appendfsync always`): what is acknowledged
   * is on disk. `everysec` (default): about the last second is lost where its machine dies. `none`: everything is lost where it ends.
   */
  readonly durability?: 'always' | 'everysec' | 'none'
  /** Largest event as it is kept, in bytes, up to 268,435,456; default 16,777,216. Larger ones are refused with TIDINGS_TOO_LARGE. */
  readonly maxBytes?: number
  /** Default: everything stays until it is pruned. */
  readonly keep?: KeepOptions
}

export interface ConnectionSettings {
  readonly host: string
  readonly port: number
  readonly database: number
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: RedisConnectionOptions['tls'] | undefined
  readonly timeout: number
}

/** The options with their defaults. */
export interface RedisSettings {
  readonly connection: ConnectionSettings
  readonly prefix: string
  readonly partitions: number | undefined
  readonly durability: 'always' | 'everysec' | 'none'
  readonly maxBytes: number
  readonly keep: KeepOptions
}

export const namePattern: RegExp = /^[A-Za-z0-9._:-]{1,100}$/
const durabilities: readonly string[] = ['always', 'everysec', 'none']

/** Throws TIDINGS_INVALID_OPTION naming every mistake at once. */
export function redisSettings(url: string, options: RedisOptions, prefix = 'tidings'): RedisSettings {
  const mistakes = new Mistakes()
  const place = placeOf(url, ['redis', 'rediss'], mistakes)
  const named = queryOf(place, ['partitions', 'timeout', 'maxBytes'], ['prefix', 'durability'], mistakes)
  const asked = { ...(named as RedisOptions), ...options }
  const settings: RedisSettings = {
    connection: connectionOf(place, asked, mistakes),
    prefix: asked.prefix ?? prefix,
    partitions: asked.partitions,
    durability: asked.durability ?? 'everysec',
    maxBytes: asked.maxBytes ?? 16_777_216,
    keep: asked.keep ?? {},
  }
  const { partitions, durability, maxBytes, keep } = settings
  mistakes.expect(namePattern.test(settings.prefix), '`prefix` to be 1 to 100 letters, digits or ._:-')
  mistakes.expect(
    partitions === undefined || whole(partitions, 1, 1_024),
    '`partitions` to be a whole number from 1 to 1,024',
  )
  mistakes.expect(durabilities.includes(durability), `\`durability\` to be one of ${durabilities.join(', ')}`)
  mistakes.expect(whole(maxBytes, 1_024, 268_435_456), '`maxBytes` to be a whole number from 1,024 to 268,435,456')
  mistakes.expect(
    keep.every === undefined || whole(keep.every, 10, 86_400_000),
    '`keep.every` to be whole milliseconds from 10',
  )
  for (const name of ['age', 'events', 'perStream'] as const) {
    mistakes.expect(
      keep[name] === undefined || whole(keep[name], 1, Number.MAX_SAFE_INTEGER),
      `\`keep.${name}\` to be a whole number from 1`,
    )
  }
  mistakes.throwAny('Cannot open Redis', { field: 'redis' })
  return settings
}

/** The URL, its scheme checked. Where it is none, a stand-in, so that other mistakes are found as well. */
export function placeOf(url: string, schemes: readonly string[], mistakes: Mistakes): URL {
  const text = String(url)
  const fine = schemes.some((scheme) => text.startsWith(`${scheme}:`))
  mistakes.expect(fine, `\`url\` to begin with one of ${schemes.join(':, ')}:`)
  const parsed = fine ? URL.parse(text) : null
  const named = parsed !== null && parsed.hostname !== ''
  if (fine) mistakes.expect(named, '`url` to name a host, such as redis://localhost:6379')
  const place = named ? parsed : new URL('redis://localhost')
  mistakes.expect(place.hash === '', '`url` to hold no # (write it as %23)')
  return place
}

/** What stands behind the question mark. */
export function queryOf(
  place: URL,
  numbers: readonly string[],
  texts: readonly string[],
  mistakes: Mistakes,
): Record<string, unknown> {
  const options: Record<string, unknown> = {}
  for (const [name, value] of place.searchParams) {
    if (numbers.includes(name)) options[name] = value.trim() === '' ? Number.NaN : Number(value)
    else if (texts.includes(name)) options[name] = value
    else mistakes.expect(false, `\`url\` to name no option that does not exist, such as \`${name.slice(0, 40)}\``)
  }
  return options
}

export function connectionOf(place: URL, options: RedisConnectionOptions, mistakes: Mistakes): ConnectionSettings {
  const path = place.pathname.replace(/^\//, '')
  const database = path === '' ? 0 : Number(path)
  mistakes.expect(
    /^\d*$/.test(path) && whole(database, 0, 1_000_000),
    '`url` to end with the number of a database, if with anything',
  )
  const { timeout = 10_000 } = options
  mistakes.expect(whole(timeout, 100, 3_600_000), '`timeout` to be whole milliseconds from 100 to 3,600,000')
  const isSecure = place.protocol.startsWith('rediss')
  mistakes.expect(isSecure || options.tls === undefined, '`tls` to come with a URL that begins with rediss')
  return {
    // IPv6 addresses stand in brackets.
    host: place.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: place.port === '' ? 6_379 : Number(place.port),
    database,
    username: options.username ?? decoded(place.username, 'username', mistakes),
    password: options.password ?? decoded(place.password, 'password', mistakes),
    tls: isSecure ? (options.tls ?? {}) : undefined,
    timeout,
  }
}

function decoded(text: string, part: string, mistakes: Mistakes): string | undefined {
  if (text === '') return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    mistakes.expect(false, `the ${part} in \`url\` to write percent signs as %25`)
    return undefined
  }
}

export function whole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}
