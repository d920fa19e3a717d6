import { expect, it } from 'vitest'
import { z } from 'zod'

import { baseConfig, serviceConfig } from './service-config.ts'

it('has a default for everything, also where a variable is empty', () => {
  const defaults = { TIDINGS_URL: 'sqlite:./tidings.db', HOST: '127.0.0.1', PORT: 4000, LOG_LEVEL: 'info' }
  expect(serviceConfig(baseConfig, {})).toEqual(defaults)
  expect(serviceConfig(baseConfig, { PORT: '', HOST: '', UNKNOWN: 'x' })).toEqual(defaults)
})

it('takes what is given', () => {
  const given = { TIDINGS_URL: 'sqlite:/data/x.db', HOST: '::1', PORT: '0', LOG_LEVEL: 'debug' }
  expect(serviceConfig(baseConfig, given)).toEqual({ ...given, PORT: 0 })
})

it('tells every mistake at once, by name and rule, and repeats no value', () => {
  const shape = { ...baseConfig, SMTP_URL: z.url('must be a URL').optional() }
  const attempt = (): unknown => serviceConfig(shape, { PORT: '70000', LOG_LEVEL: 'loud', SMTP_URL: 'hunter2' })
  expect(attempt).toThrow(
    expect.objectContaining({
      code: 'TIDINGS_INVALID_OPTION',
      message:
        'The environment is not right: PORT must be a port, a whole number from 0 to 65535; LOG_LEVEL must be debug, info, warn or error; SMTP_URL must be a URL.',
    }),
  )
})

it.each(['abc', '0x10', '-1', '1e3', '4000.5', ' 4000', '65536', '99999'])('refuses %j as a port', (PORT) => {
  expect(() => serviceConfig(baseConfig, { PORT })).toThrow('PORT must be a port')
})
