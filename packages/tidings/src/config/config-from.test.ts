import { describe, expect, it } from 'vitest'

import { isTidingsError } from '../kernel/errors.ts'
import { type BusConfig, configFrom, type Preset } from './config-from.ts'
import type { Environment } from './environment.ts'

const rightOnes: readonly (readonly [string, Environment, BusConfig])[] = [
  ['nothing, in development', {}, { url: 'sqlite:./tidings.db' }],
  ['nothing, in tests', { NODE_ENV: 'test' }, { url: 'memory:' }],
  ['empty and blank variables', { TIDINGS_URL: '', EVENT_BUS_TYPE: '  ' }, { url: 'sqlite:./tidings.db' }],
  ['a URL', { TIDINGS_URL: 'sqlite:./a.db' }, { url: 'sqlite:./a.db' }],
  ['a store alone', { TIDINGS_STORE_URL: 'sqlite:./a.db', TIDINGS_ENV: 'production' }, { url: 'sqlite:./a.db' }],
  ['a broker alone', { TIDINGS_URL: 'kafka://k:9092' }, { url: 'kafka://k:9092' }],
  [
    'a broker beside a store',
    { TIDINGS_URL: 'amqp://r', TIDINGS_STORE_URL: 'postgres://p/d' },
    { url: 'postgres://p/d', transportUrl: 'amqp://r' },
  ],
  ['memory', { EVENT_BUS_TYPE: 'memory' }, { url: 'memory:' }],
  ['sqlite', { EVENT_BUS_TYPE: 'sqlite' }, { url: 'sqlite:./tidings.db' }],
  ['sqlite at a place', { EVENT_BUS_TYPE: 'sqlite', TIDINGS_STORE_URL: 'sqlite:/d/x.db' }, { url: 'sqlite:/d/x.db' }],
  ['postgres', { EVENT_BUS_TYPE: 'postgres', POSTGRES_URL: 'postgres://u:p@h/d' }, { url: 'postgres://u:p@h/d' }],
  ['redis', { EVENT_BUS_TYPE: 'redis' }, { url: 'redis://localhost:6379' }],
  [
    'redis with a prefix',
    { EVENT_BUS_TYPE: 'redis', REDIS_EVENT_URL: 'rediss://h/1?partitions=4', REDIS_CHANNEL_PREFIX: 'shop:' },
    { url: 'rediss://h/1?partitions=4&prefix=shop%3A' },
  ],
  [
    'redis as a broker beside a store',
    { EVENT_BUS_TYPE: 'redis', REDIS_EVENT_URL: 'redis://h', TIDINGS_STORE_URL: 'sqlite:./a.db' },
    { url: 'sqlite:./a.db', transportUrl: 'redis://h' },
  ],
  [
    'redis by a URL, beside a store',
    { TIDINGS_URL: 'redis://h', TIDINGS_STORE_URL: 'sqlite:./a.db' },
    { url: 'sqlite:./a.db', transportUrl: 'redis://h' },
  ],
  [
    'redis pub/sub',
    { EVENT_BUS_TYPE: 'redis-pubsub', REDIS_EVENT_URL: 'redis://u:p@h:1/2', REDIS_CHANNEL_PREFIX: 'events.' },
    { url: 'redis-pubsub://u:p@h:1/2?channelPrefix=events.' },
  ],
  [
    'kafka',
    {
      EVENT_BUS_TYPE: 'kafka',
      KAFKA_BOOTSTRAP_SERVERS: 'a:9092, b:9093',
      KAFKA_TOPIC_PREFIX: 'shop.',
      KAFKA_CONSUMER_GROUP: 'auth',
      TIDINGS_STORE_URL: 'sqlite:./auth.db',
    },
    { url: 'sqlite:./auth.db', transportUrl: 'kafka://a:9092,b:9093/?prefix=shop.', group: 'auth' },
  ],
  [
    'kafka with TLS',
    { EVENT_BUS_TYPE: 'Kafka', KAFKA_BOOTSTRAP_SERVERS: 'kafka+ssl://a:1' },
    { url: 'kafka+ssl://a:1' },
  ],
  ['rabbitmq', { EVENT_BUS_TYPE: 'rabbitmq', RABBITMQ_URL: 'amqps://u:p@r/v' }, { url: 'amqps://u:p@r/v' }],
  [
    'nats and a group',
    { EVENT_BUS_TYPE: 'nats', TIDINGS_GROUP: 'auth' },
    { url: 'nats://localhost:4222', group: 'auth' },
  ],
  ['a group without a broker', { TIDINGS_GROUP: 'auth' }, { url: 'sqlite:./tidings.db' }],
  [
    'direct mode',
    { EVENT_BUS_TYPE: 'kafka', KAFKA_BOOTSTRAP_SERVERS: 'a:1', ENABLE_EVENT_STORE: 'No' },
    { store: 'none', transportUrl: 'kafka://a:1/' },
  ],
  [
    'direct mode over redis',
    { TIDINGS_URL: 'redis://h', ENABLE_EVENT_STORE: '0' },
    { store: 'none', transportUrl: 'redis://h' },
  ],
  [
    'how long events stay',
    { TIDINGS_URL: 'memory:', ENABLE_EVENT_STORE: 'true', EVENT_STORE_TTL_DAYS: '30' },
    { url: 'memory:', retention: 2_592_000_000 },
  ],
  ['no sagas', { ENABLE_SAGAS: 'off' }, { url: 'sqlite:./tidings.db', sagas: false }],
  [
    'sagas and how long they may take',
    { ENABLE_SAGAS: 'TRUE', SAGA_TIMEOUT_SECONDS: '90' },
    { url: 'sqlite:./tidings.db', sagaTimeout: 90_000 },
  ],
  [
    'variables of other kinds',
    { EVENT_BUS_TYPE: 'nats', KAFKA_CONSUMER_GROUP: '!!', REDIS_EVENT_URL: '?' },
    { url: 'nats://localhost:4222' },
  ],
]

const wrongOnes: readonly (readonly [string, Environment, readonly string[]])[] = [
  ['an unknown kind', { EVENT_BUS_TYPE: 'carrier-pigeon' }, ['EVENT_BUS_TYPE']],
  ['an unknown scheme', { TIDINGS_URL: 'ftp://u:hunter2@h' }, ['TIDINGS_URL']],
  ['no address in production', { NODE_ENV: 'production' }, ['TIDINGS_URL', 'EVENT_BUS_TYPE']],
  ['no server in production', { TIDINGS_ENV: 'production', EVENT_BUS_TYPE: 'rabbitmq' }, ['RABBITMQ_URL']],
  ['memory in production', { NODE_ENV: 'staging', TIDINGS_URL: 'memory:' }, ['memory in production']],
  ['an address of another kind', { EVENT_BUS_TYPE: 'nats', NATS_URL: 'amqp://u:hunter2@h' }, ['NATS_URL']],
  ['two kinds', { EVENT_BUS_TYPE: 'nats', TIDINGS_URL: 'amqp://h' }, ['EVENT_BUS_TYPE']],
  ['two stores', { TIDINGS_URL: 'sqlite:./a.db', TIDINGS_STORE_URL: 'sqlite:./b.db' }, ['TIDINGS_STORE_URL']],
  ['a broker as a store', { TIDINGS_STORE_URL: 'kafka://h' }, ['TIDINGS_STORE_URL']],
  [
    'addresses that are none',
    { EVENT_BUS_TYPE: 'kafka', KAFKA_BOOTSTRAP_SERVERS: 'a:1,hunter2' },
    ['KAFKA_BOOTSTRAP_SERVERS'],
  ],
  ['two prefixes', { TIDINGS_URL: 'kafka://h/?prefix=a', KAFKA_TOPIC_PREFIX: 'b' }, ['KAFKA_TOPIC_PREFIX']],
  ['a prefix with blanks', { TIDINGS_URL: 'redis://h', REDIS_CHANNEL_PREFIX: 'a b' }, ['REDIS_CHANNEL_PREFIX']],
  ['a group with slashes', { TIDINGS_URL: 'kafka://h', KAFKA_CONSUMER_GROUP: 'a/b' }, ['KAFKA_CONSUMER_GROUP']],
  ['two groups', { TIDINGS_URL: 'kafka://h', KAFKA_CONSUMER_GROUP: 'a', TIDINGS_GROUP: 'b' }, ['KAFKA_CONSUMER_GROUP']],
  ['direct mode without a broker', { TIDINGS_URL: 'sqlite:./a.db', ENABLE_EVENT_STORE: 'off' }, ['ENABLE_EVENT_STORE']],
  [
    'everything at once',
    {
      EVENT_BUS_TYPE: 'pigeon',
      ENABLE_EVENT_STORE: 'perhaps',
      EVENT_STORE_TTL_DAYS: '-1',
      ENABLE_SAGAS: 'hunter2',
      SAGA_TIMEOUT_SECONDS: '0',
      TIDINGS_ENV: 'moon',
      TIDINGS_STORE_URL: 'hunter2',
      TIDINGS_GROUP: 'hunter2 hunter2',
      TIDINGS_URL: 'nats://user:hunter2@host',
    },
    [
      'EVENT_BUS_TYPE',
      'ENABLE_EVENT_STORE',
      'EVENT_STORE_TTL_DAYS',
      'ENABLE_SAGAS to be true or false',
      'SAGA_TIMEOUT_SECONDS',
      'TIDINGS_ENV',
      'TIDINGS_STORE_URL',
      'TIDINGS_GROUP',
    ],
  ],
  ['hours for days', { EVENT_STORE_TTL_DAYS: '30d' }, ['EVENT_STORE_TTL_DAYS']],
  ['hexadecimal days', { EVENT_STORE_TTL_DAYS: '0x10' }, ['EVENT_STORE_TTL_DAYS']],
]

describe('the configuration from an environment', () => {
  it.each(rightOnes)('understands %s', (_, env, config) => {
    expect(configFrom(env)).toEqual(config)
  })

  it.each(wrongOnes)('refuses %s, and repeats no value', (_, env, named) => {
    let failure: unknown
    try {
      configFrom(env)
    } catch (error) {
      failure = error
    }
    expect(isTidingsError(failure, 'TIDINGS_INVALID_OPTION')).toBe(true)
    const { message } = failure as Error
    for (const name of named) expect(message).toContain(name)
    expect(message).not.toContain('hunter2')
  })

  it('takes the preset that it is given', () => {
    expect(configFrom({ NODE_ENV: 'production' }, { preset: 'testing' })).toEqual({ url: 'memory:' })
    expect(() => configFrom({}, { preset: 'moon' as Preset })).toThrow('`preset`')
  })

  it('keeps events beside a broker where it is told to', () => {
    const beside = 'sqlite:./auth.db'
    expect(configFrom({ TIDINGS_URL: 'nats://n' }, { beside })).toEqual({ url: beside, transportUrl: 'nats://n' })
    expect(configFrom({ TIDINGS_URL: 'sqlite:./x.db' }, { beside })).toEqual({ url: 'sqlite:./x.db' })
    expect(configFrom({}, { beside })).toEqual({ url: 'sqlite:./tidings.db' })
  })

  it('reads what is there and nothing that is inherited', () => {
    const env = Object.create({ TIDINGS_URL: 'ftp:' }) as Environment
    expect(configFrom(env)).toEqual({ url: 'sqlite:./tidings.db' })
  })
})
