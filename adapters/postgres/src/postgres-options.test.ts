import { isTidingsError } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import { fromUrl, type PostgresOptions, postgres } from './index.ts'
import { settingsOf } from './postgres-options.ts'

describe('settingsOf', () => {
  it('has defaults', () => {
    expect(settingsOf({ url: 'postgres://me@db.internal/shop' })).toEqual({
      server: {
        host: 'db.internal',
        port: undefined,
        database: 'shop',
        user: 'me',
        password: undefined,
        ssl: undefined,
        options: undefined,
      },
      schema: 'event_store',
      table: 'events',
      partitions: undefined,
      pool: 8,
      poll: 250,
      connectTimeout: 10_000,
      timeout: 30_000,
      applicationName: 'tidings',
    })
  })

  it('reads everything from a URL, and lets what is given by hand win', () => {
    const url =
      'postgresql://me:p%40ss%2Fword@[::1]:5433/my%20shop?schema=s&table=t&partitions=4&pool=2&poll=50&connectTimeout=1&timeout=2' +
      '&application_name=app&options=-c%20search_path%3Dshop&sslmode=no-verify'
    expect(settingsOf({ url, pool: 3, poll: undefined } as never)).toEqual({
      server: {
        host: '::1',
        port: 5_433,
        database: 'my shop',
        user: 'me',
        password: 'p@ss/word',
        ssl: { rejectUnauthorized: false },
        options: '-c search_path=shop',
      },
      schema: 's',
      table: 't',
      partitions: 4,
      pool: 3,
      poll: 50,
      connectTimeout: 1,
      timeout: 2,
      applicationName: 'app',
    })
    expect(settingsOf({ url: 'postgres:///shop?host=/var/run/postgresql&sslmode=disable' }).server).toMatchObject({
      host: '/var/run/postgresql',
      ssl: false,
    })
  })

  it('names every mistake at once', () => {
    const mistakes = mistakesOf({
      url: 'postgres://me@host/db?colour=red&sslmode=perhaps&partitions=&sslrootcert=/nowhere/ca.pem',
      port: 70_000,
      schema: 'pg_mine',
      table: 'x'.repeat(40),
      pool: 0,
      poll: 0.5,
      timeout: Number.NaN,
      connectTimeout: -1,
      applicationName: '',
      password: 5 as never,
      ssl: 'yes' as never,
    })
    expect(mistakes).toEqual([
      expect.stringContaining('`colour`'),
      expect.stringContaining('`sslmode`'),
      expect.stringContaining('`port`'),
      expect.stringContaining('`password`'),
      expect.stringContaining('`ssl`'),
      expect.stringContaining('`schema`'),
      expect.stringContaining('`table`'),
      expect.stringContaining('`partitions`'),
      expect.stringContaining('`pool`'),
      expect.stringContaining('`poll`'),
      expect.stringContaining('`connectTimeout`'),
      expect.stringContaining('`timeout`'),
      expect.stringContaining('`applicationName`'),
    ])
    expect(mistakesOf({ url: 'postgres://h/d?sslrootcert=/nowhere/ca.pem' })).toEqual([
      expect.stringContaining('`sslrootcert`'),
    ])
  })

  it.each([
    'postgres://me:s3cret@host:99999/db',
    'postgres://me:s3cret%@host/db',
    'mysql://me:s3cret@host/db',
    's3cret',
    'postgres://me:s3cret@host/db?poll=s3cret',
    'postgres://me:1234?s3cret@host/db',
  ])('says nothing of a password, not even of one in the wrong place: %s', (url) => {
    let thrown: unknown
    try {
      postgres(url)
    } catch (error) {
      thrown = error
    }
    expect(isTidingsError(thrown, 'TIDINGS_INVALID_OPTION')).toBe(true)
    const { message, details, cause } = thrown as Error & { details: unknown }
    expect(`${message} ${JSON.stringify(details)} ${String(cause)}`).not.toContain('s3cret')
  })
})

describe('fromUrl', () => {
  it('takes both schemes and no other', () => {
    expect([fromUrl('postgres://h/d').name, fromUrl('postgresql://h/d').name]).toEqual(['postgres', 'postgres'])
    for (const url of ['sqlite:./a.db', 'postgresx://h/d', ''])
      expect(() => fromUrl(url)).toThrow(expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION' }))
  })
})

function mistakesOf(options: PostgresOptions): readonly string[] {
  try {
    postgres(options)
  } catch (error) {
    if (isTidingsError(error, 'TIDINGS_INVALID_OPTION')) return error.details['mistakes'] as readonly string[]
  }
  throw new Error('Expected the options to be refused.')
}
