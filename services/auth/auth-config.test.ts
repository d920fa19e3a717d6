import { baseConfig, serviceConfig } from '@tidings/service'
import { expect, it } from 'vitest'

import { authConfig, authOptionsOf } from './auth-config.ts'
import { authDefaults } from './auth-options.ts'

const read = (env: Record<string, string>) =>
  authOptionsOf(
    serviceConfig({ ...baseConfig, ...authConfig }, env, { beside: 'sqlite:./auth.db' }),
    authDefaults.publicUrl,
  )

it('has the defaults that the options say', () => {
  expect(read({})).toEqual(authDefaults)
})

it('reads seconds, services and where people reach it', () => {
  const options = read({
    PUBLIC_URL: 'https://accounts.example/',
    DATA_SERVICES: 'users,auth,users,shop',
    PASSWORD_RESET_SECONDS: '60',
    ERASURE_STUCK_AFTER: '2',
  })
  expect(options).toMatchObject({
    publicUrl: 'https://accounts.example',
    dataServices: ['users', 'shop'],
    passwordReset: 60_000,
    eraseStuckAfter: 2,
  })
})

it('names every variable that is wrong, and repeats none', () => {
  const wrong = {
    PUBLIC_URL: 'ftp://hunter2',
    DATA_SERVICES: 'a,,b',
    PASSWORD_RESET_SECONDS: '0',
    EXPORT_LINK_SECONDS: '1e9',
  }
  expect(() => read(wrong)).toThrow(
    'The environment is not right: PUBLIC_URL must be a URL such as https://accounts.example; DATA_SERVICES must be names of services, separated by commas; PASSWORD_RESET_SECONDS must be a whole number from 1 to 604800; EXPORT_LINK_SECONDS must be a whole number from 1 to 604800.',
  )
})
