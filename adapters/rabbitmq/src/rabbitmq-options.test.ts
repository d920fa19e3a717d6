import { describe, expect, it } from 'vitest'

import { rabbitmq, transportFromUrl } from './index.ts'
import { type RabbitmqOptions, settingsOf } from './rabbitmq-options.ts'

function mistakesOf(options: unknown): string[] {
  try {
    settingsOf(options as RabbitmqOptions)
    return []
  } catch (error) {
    expect(error).toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
    return (error as { details: { mistakes: string[] } }).details.mistakes
  }
}

describe('options', () => {
  it('have defaults that suit a broker on this machine', () => {
    expect(settingsOf({})).toMatchObject({
      hosts: ['127.0.0.1:5672'],
      username: 'guest',
      vhost: '/',
      tls: false,
      partitions: 8,
    })
    expect(settingsOf({ tls: {} }).hosts).toEqual(['127.0.0.1:5671'])
  })

  it('come from a URL, and beside it', () => {
    const url = 'amqps://us%40er:p%2Fw@rabbit-1:5673/my%2Fhost?prefix=shop.&partitions=16&publishTimeout=500'
    expect(settingsOf({ url, prefetch: 10, partitions: 4 })).toMatchObject({
      hosts: ['rabbit-1:5673'],
      username: 'us@er',
      password: 'p/w',
      vhost: 'my/host',
      tls: true,
      prefix: 'shop.',
      partitions: 4,
      prefetch: 10,
      publishTimeout: 500,
    })
    expect(settingsOf({ url: 'amqp://rabbit-1' })).toMatchObject({
      hosts: ['rabbit-1:5672'],
      vhost: '/',
      username: 'guest',
    })
    expect(settingsOf({ url: 'amqps://[::1]' }).hosts).toEqual(['[::1]:5671'])
    expect(transportFromUrl('amqp://rabbit-1').name).toBe('rabbitmq')
  })

  it('tell all mistakes at once, each with its field', () => {
    const mistakes = mistakesOf({
      hosts: ['nowhere', 'a:70000'],
      prefix: 'no spaces',
      partitions: 0,
      prefetch: 1.5,
      maxBytes: '1',
      heartbeat: Number.NaN,
      tls: 'yes',
      colour: 'red',
    })
    const fields = ['hosts', 'prefix', 'partitions', 'prefetch', 'maxBytes', 'heartbeat', 'tls', 'colour']
    expect(mistakes).toHaveLength(fields.length)
    for (const field of fields) expect(mistakes.filter((one) => one.includes(`\`${field}\``))).toHaveLength(1)
  })

  it.each([
    ['http://rabbit-1/', '`url`'],
    ['amqp://rabbit-1/a/b', 'virtual host'],
    ['amqp://rabbit-1/%zz', 'virtual host'],
    ['amqp://rabbit-1/?partitions=', '`partitions`'],
    ['amqp://rabbit-1/?colour=red', '`colour`'],
    ['amqp://rabbit-1/?password=x', '`password`'],
    ['amqp://rabbit-1/#x', '`url`'],
    [7, '`url`'],
    [null, '`url`'],
  ])('refuse the URL %s', (url, field) => {
    expect(mistakesOf({ url })).toEqual([expect.stringContaining(field)])
  })

  it.each([undefined, null, 'amqp://x', []])('refuse %s for options', (options) => {
    expect(mistakesOf(options)).toEqual([expect.stringContaining('options')])
  })

  it('are never told with their secrets', () => {
    const secret = 'swordfish-1'
    const wrong = [
      { url: `amqp://user:${secret}@host:x/` },
      { url: `amqp://user:${secret}%zz@host/` },
      { url: `http://user:${secret}@host/` },
      { password: `${secret}\n` },
      { username: `${secret}\n` },
    ]
    for (const options of wrong) {
      try {
        rabbitmq(options)
        expect.unreachable()
      } catch (error) {
        expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain(secret)
      }
    }
  })
})
