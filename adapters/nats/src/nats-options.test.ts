import { isTidingsError } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import { nats, transportFromUrl } from './nats.ts'
import { type NatsOptions, settingsOf } from './nats-options.ts'
import { optionsFromUrl } from './nats-url.ts'

const servers = ['127.0.0.1:4222']

function mistakesOf(options: unknown): readonly string[] {
  try {
    settingsOf(options as NatsOptions)
  } catch (error) {
    if (isTidingsError(error, 'TIDINGS_INVALID_OPTION')) return error.details['mistakes'] as string[]
    throw error
  }
  return []
}

describe('options', () => {
  it('have defaults, and leave open what an existing stream decides', () => {
    const settings = settingsOf({ servers })
    expect(settings).toMatchObject({
      prefix: 'tidings',
      duplicateWindow: 120_000,
      lease: 5_000,
      timeout: 5_000,
      keep: {},
    })
    expect([settings.partitions, settings.storage, settings.replicas]).toEqual([undefined, undefined, undefined])
  })

  it('name every mistake at once', () => {
    const mistakes = mistakesOf({
      servers: ['127.0.0.1'],
      prefix: 'a.b',
      partitions: 257,
      storage: 'tape',
      replicas: 0,
      keep: { age: 1, days: 3 },
      duplicateWindow: 1,
      lease: '5s',
      timeout: Number.NaN,
      prefetch: 3,
      prefetchBytes: -1,
      pingInterval: 1.5,
      name: '',
      domain: 'a b',
      inboxPrefix: '>',
      tls: true,
      authenticator: 'creds',
      colour: 'red',
    })
    for (const field of [
      'servers',
      'prefix',
      'partitions',
      'storage',
      'replicas',
      'keep.age',
      'keep.days',
      'duplicateWindow',
      'lease',
      'timeout',
      'prefetch',
      'prefetchBytes',
      'pingInterval',
      'name',
      'domain',
      'inboxPrefix',
      'tls',
      'authenticator',
      'colour',
    ])
      expect(
        mistakes.filter((mistake) => mistake.includes(`\`${field}\``)),
        field,
      ).toHaveLength(1)
  })

  it.for([undefined, null, 7, 'nats', []])('refuse %j in their place', (options) => {
    expect(mistakesOf(options)).toEqual([expect.stringContaining('`servers`')])
  })

  it('say nothing of what stands where a secret belongs', () => {
    const mistakes = mistakesOf({ servers, user: 7, password: { hunter: 2 }, token: 4711 })
    expect(mistakes).toHaveLength(3)
    expect(mistakes.join(' ')).not.toMatch(/hunter|4711/)
    expect(mistakesOf({ servers, password: 'hunter2' })).toEqual(['Expected `user` to be given with `password`.'])
  })

  it('keep the window for duplicates within the age of events, unless asked otherwise', () => {
    expect(mistakesOf({ servers, keep: { age: 1_000 } })).toEqual([])
    expect(mistakesOf({ servers, keep: { age: 1_000 }, duplicateWindow: 2_000 })).toHaveLength(1)
  })

  it('are checked when the adapter is described, before anything is connected', () => {
    expect(() => nats({ servers: [] })).toThrow('servers')
    expect(nats({ servers }).name).toBe('nats')
  })
})

describe('a URL', () => {
  const read = (url: string): NatsOptions => {
    const { options, mistakes } = optionsFromUrl(url)
    expect(mistakes.found).toEqual([])
    return options
  }

  it('says servers, secrets and options', () => {
    expect(read('nats://a:1,b,[::1]:3/?prefix=shop&partitions=16&storage=memory&keepAge=60000&keepBytes=5')).toEqual({
      servers: ['a:1', 'b:4222', '[::1]:3'],
      prefix: 'shop',
      partitions: 16,
      storage: 'memory',
      keep: { age: 60_000, bytes: 5 },
    })
    expect(read('nats://sh%6Fp:p%40ss@a')).toEqual({ servers: ['a:4222'], user: 'shop', password: 'p@ss' })
    expect(read('nats://s3cret@a/')).toEqual({ servers: ['a:4222'], token: 's3cret' })
    expect(read('tls://a:1')).toEqual({ servers: ['a:1'], tls: {} })
  })

  it.for([
    'nats:/a',
    'http://a',
    'nats://a/path',
    'nats://a?color=red',
    'nats://a?partitions=',
    'nats://a?partitions=x',
    'nats://',
    'nats://a:99999',
    'nats://%zz@a',
    '',
  ])('is refused where it is wrong: %s', (url) => {
    expect(() => transportFromUrl(url)).toThrow(expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION' }) as Error)
  })

  it('gives away no password, however wrong it is', () => {
    for (const url of [
      'nats://shop:hunter2@a?x=1',
      'nats://shop:hunter2%zz@a',
      'nats://shop:hunter2@a:x',
      'kafka://shop:hunter2@a',
    ]) {
      try {
        transportFromUrl(url)
        expect.unreachable()
      } catch (error) {
        expect(JSON.stringify([error, (error as Error).message])).not.toContain('hunter2')
      }
    }
  })
})
