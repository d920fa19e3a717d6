import { expect, it } from 'vitest'
import { z } from 'zod'

import { baseConfig, serviceConfig } from './service-config.ts'

it('has a default for everything, also where a variable is empty', () => {
  const defaults = { HOST: '127.0.0.1', PORT: 4000, LOG_LEVEL: 'info', bus: { url: 'sqlite:./tidings.db' } }
  expect(serviceConfig(baseConfig, {})).toEqual(defaults)
  expect(serviceConfig(baseConfig, { PORT: '', HOST: '', UNKNOWN: 'x' })).toEqual(defaults)
})

it('takes what is given', () => {
  const given = { HOST: '::1', PORT: '0', LOG_LEVEL: 'debug' }
  expect(serviceConfig(baseConfig, { ...given, TIDINGS_URL: 'sqlite:/data/x.db' })).toEqual({
    ...given,
    PORT: 0,
    bus: { url: 'sqlite:/data/x.db' },
  })
  const broker = { EVENT_BUS_TYPE: 'nats', NATS_URL: 'nats://n' }
  expect(serviceConfig(baseConfig, broker, { beside: 'sqlite:./auth.db' }).bus).toEqual({
    url: 'sqlite:./auth.db',
    transportUrl: 'nats://n',
  })
})

it('tells every mistake at once, by name and rule, and repeats no value', () => {
  const shape = { ...baseConfig, SMTP_URL: z.url('must be a URL').optional() }
  const attempt = (): unknown =>
    serviceConfig(shape, {
      PORT: '70000',
      LOG_LEVEL: 'loud',
      SMTP_URL: 'hunter2',
      EVENT_BUS_TYPE: 'kafka',
      KAFKA_BOOTSTRAP_SERVERS: 'hunter2',
      ENABLE_EVENT_STORE: 'hunter2',
    })
  expect(attempt).toThrow(
    expect.objectContaining({
      code: 'TIDINGS_INVALID_OPTION',
      message:
        'The environment is not right: PORT must be a port, a whole number from 0 to 65535; LOG_LEVEL must be debug, info, warn or error; SMTP_URL must be a URL; ENABLE_EVENT_STORE must be true or false; KAFKA_BOOTSTRAP_SERVERS must be addresses such as host:9092, separated by commas.',
    }),
  )
})

it.each(['abc', '0x10', '-1', '1e3', '4000.5', ' 4000', '65536', '99999'])('refuses %j as a port', (PORT) => {
  expect(() => serviceConfig(baseConfig, { PORT })).toThrow('PORT must be a port')
})
