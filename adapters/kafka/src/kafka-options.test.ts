import { isTidingsError } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import { kafka, transportFromUrl } from './kafka.ts'
import { type KafkaOptions, settingsOf } from './kafka-options.ts'

describe('options of the Kafka transport', () => {
  it('have defaults that belong together', () => {
    const settings = settingsOf({ brokers: ['127.0.0.1:9092'] })
    expect(settings).toMatchObject({
      prefix: 'tidings.',
      partitions: 8,
      sessionTimeout: 10_000,
      heartbeatInterval: 1_000,
    })
    expect(settings.replication).toBeUndefined()
    expect(settingsOf({ brokers: ['[::1]:9092'], sessionTimeout: 30_000 }).heartbeatInterval).toBe(3_000)
    expect(Object.isFrozen(settings)).toBe(true)
  })

  it('are checked all at once, before anything is connected', () => {
    const wrong = {
      brokers: ['127.0.0.1', 'host:99999'],
      prefix: 'no spaces',
      clientId: '',
      partitions: 0,
      replication: 1.5,
      createTopics: 'yes',
      sessionTimeout: 5,
      heartbeatInterval: 60_000,
      fetchBytes: Number.NaN,
      closeTimeout: -1,
      tls: true,
      sasl: { mechanism: 'MAGIC', password: 'secret' },
      acks: 1,
    }
    const mistakes = mistakesOf(() => kafka(wrong as unknown as KafkaOptions))
    for (const field of Object.keys(wrong)) expect(mistakes.join('\n')).toContain(`\`${field}`)
    expect(mistakes).toHaveLength(Object.keys(wrong).length)
    expect(mistakes.join('\n')).not.toContain('secret')
  })

  it('names that hide prototypes are options that do not exist', () => {
    const given = JSON.parse('{"brokers":["a:1"],"__proto__":{"prefix":"x"},"constructor":1}') as KafkaOptions
    expect(mistakesOf(() => kafka(given))).toEqual([
      'Expected `__proto__` not to be given: there is no such option.',
      'Expected `constructor` not to be given: there is no such option.',
    ])
  })
})

describe('URLs of the Kafka transport', () => {
  it('name brokers, and options after the question mark', () => {
    for (const url of [
      'kafka://one:9092,two:9093/?prefix=shop.&partitions=16&createTopics=false',
      'kafka://one,two:9093/shop.?partitions=16',
      'kafka+ssl://me:p%40ss@one:9094?sasl=SCRAM-SHA-256',
      'kafka://[::1]:9092',
    ])
      expect(transportFromUrl(url).name).toBe('kafka')
  })

  it('are refused with all their mistakes, and without their password', () => {
    expect(mistakesOf(() => transportFromUrl('http://one:9092'))[0]).toContain('`url`')
    const mistakes = mistakesOf(() =>
      transportFromUrl('kafka://me:secret%@one:9092/?partitions=many&colour=green&createTopics=perhaps&fetchWait='),
    )
    expect(mistakes).toEqual([
      'Expected `colour` not to be in the URL: there is no such option.',
      'Expected the password of the URL to have no percent sign that encodes nothing; write it as %25.',
      'Expected `createTopics` to be true or false, got "perhaps".',
      'Expected `partitions` to be a whole number from 1 to 10,000, got `NaN` (number).',
      'Expected `fetchWait` to be a whole number from 1 to 60,000, got `NaN` (number).',
    ])
  })
})

function mistakesOf(call: () => unknown): readonly string[] {
  try {
    call()
  } catch (error) {
    if (isTidingsError(error, 'TIDINGS_INVALID_OPTION')) return error.details.mistakes as string[]
    throw error
  }
  throw new Error('It was not refused.')
}
