import { TidingsError } from 'tidings/spi'

import { isTlsOptions, type PostgresTls, readUrl } from './postgres-url.ts'

export interface PostgresOptions {
  /** `postgres://user:password@host:5432/database`, and after a question mark any option below or `sslmode`, `options`, `application_name`. */
  readonly url?: string
  /** Default localhost. A path that begins with a slash is a folder with a Unix socket. */
  readonly host?: string
  /** Default 5432. */
  readonly port?: number
  readonly database?: string
  readonly user?: string
  /** Or a function that is asked at each connect, for passwords that change. */
  readonly password?: string | (() => string | Promise<string>)
  /** True: TLS with a certificate that is checked; or options of `tls.connect`. Default false. */
  readonly ssl?: boolean | PostgresTls
  /** Where all of our tables live; default `event_store`. Made where it does not exist. */
  readonly schema?: string
  /** Name of the table with the events; default `events`. Any other name also comes before the names of the other tables, so that stores share a schema. */
  readonly table?: string
  /** Fixed share count of a new store, 1 to 1,024; default 8. An existing one keeps its own: asking for another is an error. */
  readonly partitions?: number
  /** Most connections for interactive transactions and queries; default 8. Up to eight more commit, read, listen and run SQL in units. */
  readonly pool?: number
  /** Milliseconds between two looks for commits that no notification told of, while somebody watches; default 250. */
  readonly poll?: number
  /** Milliseconds until a connection must stand; default 10,000. */
  readonly connectTimeout?: number
  /** Milliseconds until a call must be answered, else its connection is given up; default 30,000. */
  readonly timeout?: number
  /** How the connections call themselves in `pg_stat_activity`; default `tidings`. */
  readonly applicationName?: string
}

/** Where the server is, as `pg` wants it. */
export interface PostgresServer {
  readonly host: string | undefined
  readonly port: number | undefined
  readonly database: string | undefined
  readonly user: string | undefined
  readonly password: string | (() => string | Promise<string>) | undefined
  readonly ssl: boolean | PostgresTls | undefined
  /** Command-line options of the session, such as `-c search_path=shop`. */
  readonly options: string | undefined
}

/** The options with their defaults. */
export interface PostgresSettings {
  readonly server: PostgresServer
  readonly schema: string
  readonly table: string
  readonly partitions: number | undefined
  readonly pool: number
  readonly poll: number
  readonly connectTimeout: number
  readonly timeout: number
  readonly applicationName: string
}

/** Throws TIDINGS_INVALID_OPTION naming every mistake at once, and nothing of the URL. */
export function settingsOf(options: PostgresOptions): PostgresSettings {
  const mistakes: string[] = []
  const named = options.url === undefined ? undefined : readUrl(options.url, mistakes)
  const asked: PostgresOptions = { ...named?.options, ...defined(options) }
  const settings: PostgresSettings = {
    server: {
      host: asked.host,
      port: asked.port,
      database: asked.database,
      user: asked.user,
      password: asked.password,
      ssl: asked.ssl,
      options: named?.session,
    },
    schema: asked.schema ?? 'event_store',
    table: asked.table ?? 'events',
    partitions: asked.partitions,
    pool: asked.pool ?? 8,
    poll: asked.poll ?? 250,
    connectTimeout: asked.connectTimeout ?? 10_000,
    timeout: asked.timeout ?? 30_000,
    applicationName: asked.applicationName ?? 'tidings',
  }
  mistakesIn(settings, mistakes)
  if (mistakes.length > 0) {
    throw new TidingsError('TIDINGS_INVALID_OPTION', `Cannot open PostgreSQL: ${mistakes.join(' ')}`, {
      details: { field: 'postgres', mistakes },
    })
  }
  return settings
}

function defined(options: PostgresOptions): PostgresOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

function mistakesIn(settings: PostgresSettings, mistakes: string[]): void {
  const expect = (fine: boolean, rule: string): void => {
    if (!fine) mistakes.push(`Expected ${rule}.`)
  }
  const { server, schema, table, partitions, pool, poll, connectTimeout, timeout, applicationName } = settings
  const { host, port, database, user, password, ssl } = server
  expect(host === undefined || isText(host), '`host` to be a name, an address or a folder')
  expect(port === undefined || whole(port, 1, 65_535), '`port` to be a whole number from 1 to 65,535')
  expect(database === undefined || isText(database), '`database` to be a name')
  expect(user === undefined || isText(user), '`user` to be a name')
  expect(
    password === undefined || typeof password === 'string' || typeof password === 'function',
    '`password` to be text or a function',
  )
  expect(ssl === undefined || typeof ssl === 'boolean' || isTlsOptions(ssl), '`ssl` to be true, false or TLS options')
  expect(
    isName(schema, 63) && !/^pg_/i.test(schema),
    '`schema` to be a name of 1 to 63 bytes that does not begin with pg_',
  )
  // The longest of our other names, `_document_index_document`, comes behind it.
  expect(isName(table, 39), '`table` to be a name of 1 to 39 bytes')
  expect(partitions === undefined || whole(partitions, 1, 1_024), '`partitions` to be a whole number from 1 to 1,024')
  expect(whole(pool, 1, 1_000), '`pool` to be a whole number from 1 to 1,000')
  expect(whole(poll, 1, 60_000), '`poll` to be whole milliseconds from 1 to 60,000')
  expect(whole(connectTimeout, 1, 3_600_000), '`connectTimeout` to be whole milliseconds from 1 to 3,600,000')
  expect(whole(timeout, 1, 3_600_000), '`timeout` to be whole milliseconds from 1 to 3,600,000')
  expect(isName(applicationName, 63), '`applicationName` to be a name of 1 to 63 bytes')
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && !value.includes('\0')
}

function isName(value: unknown, most: number): boolean {
  return isText(value) && Buffer.byteLength(value as string) <= most
}

function whole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}
