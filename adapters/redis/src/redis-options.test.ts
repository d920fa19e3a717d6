import { isTidingsError } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import { fromUrl, redis, redisPubSub, redisTransport, transportFromUrl } from './index.ts'
import { pubSubSettings } from './pubsub/pub-sub-options.ts'
import { redisSettings } from './redis-options.ts'

describe('the URL of a Redis server', () => {
  it.each([
    ['redis://localhost', { host: 'localhost', port: 6_379, database: 0 }],
    ['redis://10.0.0.1:7000/3', { host: '10.0.0.1', port: 7_000, database: 3 }],
    ['redis://[::1]:6380', { host: '::1', port: 6_380 }],
    ['redis://localhost:80', { port: 80 }],
    ['redis://localhost:80/2?prefix=a', { port: 80, database: 2 }],
    ['redis://ann:s%3Acret%40@host', { username: 'ann', password: 's:cret@', tls: undefined }],
    ['redis://:only@host', { username: undefined, password: 'only' }],
    ['rediss://host', { tls: {}, port: 6_379 }],
  ])('reads %s', (url, expected) => {
    expect(redisSettings(url, {}).connection).toMatchObject(expected)
  })

  it('carries options behind a question mark; those given by hand win', () => {
    const url = 'redis://localhost?prefix=shop&partitions=4&durability=always&timeout=500&maxBytes=2048'
    expect(redisSettings(url, { prefix: 'mine' })).toMatchObject({
      prefix: 'mine',
      partitions: 4,
      durability: 'always',
      maxBytes: 2_048,
      connection: { timeout: 500 },
    })
  })

  it('has defaults', () => {
    expect(redisSettings('redis://localhost', {})).toEqual({
      connection: expect.objectContaining({ timeout: 10_000, username: undefined, password: undefined }) as unknown,
      prefix: 'tidings',
      partitions: undefined,
      durability: 'everysec',
      maxBytes: 16_777_216,
      keep: {},
    })
  })

  it.each([
    ['http://localhost', 'redis:'],
    ['redis:', 'a host'],
    ['redis://', 'a host'],
    ['redis://localhost/zero', 'database'],
    ['redis://localhost#x', '%23'],
    ['redis://localhost?partitions=many', '`partitions`'],
    ['redis://localhost?partitions=', '`partitions`'],
    ['redis://localhost?timeout=1', '`timeout`'],
    ['redis://localhost?colour=red', '`colour`'],
    ['redis://localhost?prefix={a}', '`prefix`'],
    ['redis://localhost?durability=some', '`durability`'],
    ['redis://a%:b@localhost', '%25'],
  ])('refuses %s, and names what is wrong', (url, named) => {
    expect(() => redis(url)).toThrow(expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION' }))
    expect(() => redis(url)).toThrow(named)
  })

  it('names every mistake at once, and no password', () => {
    try {
      redis('redis://ann:hunter2@localhost/x?partitions=0', { maxBytes: 1, keep: { age: 0, events: 1.5 } })
      expect.unreachable()
    } catch (error) {
      expect(isTidingsError(error, 'TIDINGS_INVALID_OPTION')).toBe(true)
      const text = JSON.stringify([(error as Error).message, (error as { details: unknown }).details])
      for (const named of ['database', 'partitions', 'maxBytes', 'keep.age', 'keep.events'])
        expect(text).toContain(named)
      expect(text).not.toContain('hunter2')
    }
  })

  it('takes certificates only where they are of use', () => {
    expect(redisSettings('rediss://host', { tls: { servername: 'a' } }).connection.tls).toEqual({ servername: 'a' })
    expect(() => redis('redis://host', { tls: {} })).toThrow('`tls`')
  })

  it.each([undefined, null, 7, {}] as unknown as string[])('refuses %s as a URL', (url) => {
    for (const make of [fromUrl, transportFromUrl, redis, redisTransport, redisPubSub])
      expect(() => make(url)).toThrow(expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION' }))
  })
})

describe('transportFromUrl', () => {
  it('takes redis for Streams, and Pub/Sub by its own name alone', () => {
    expect(transportFromUrl('redis://localhost').name).toBe('redis')
    expect(transportFromUrl('rediss://localhost').name).toBe('redis')
    expect(transportFromUrl('redis-pubsub://localhost').name).toBe('redis-pubsub')
    expect(transportFromUrl('rediss-pubsub://localhost').name).toBe('redis-pubsub')
    expect(() => transportFromUrl('kafka://localhost')).toThrow('redis-pubsub:')
  })

  it('refuses what cannot be kept within', () => {
    for (const keep of [{ passed: -1 }, { age: 0 }, { events: 1.5 }, { every: 1 }])
      expect(() => redisTransport('redis://localhost', { keep })).toThrow(`keep.${Object.keys(keep)[0]}`)
    expect(redisTransport('redis://localhost', { keep: {} }).name).toBe('redis')
  })

  it('reads the options of Pub/Sub', () => {
    expect(pubSubSettings('rediss-pubsub://host?channelPrefix=shop.&buffer=5&maxBytes=4096', {})).toMatchObject({
      channelPrefix: 'shop.',
      buffer: 5,
      maxBytes: 4_096,
      connection: { tls: {} },
    })
    expect(pubSubSettings('redis-pubsub://host', {})).toMatchObject({ channelPrefix: 'tidings:', buffer: 10_000 })
    expect(() => redisPubSub('redis-pubsub://host', { buffer: 0, channelPrefix: 'a\n', maxBytes: 1 })).toThrow(
      /channelPrefix.*buffer.*maxBytes/s,
    )
  })
})
