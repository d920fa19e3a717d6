import { z } from 'zod'

import { type AuthOptions, authDefaults } from './auth-options.ts'

/** What auth reads from its environment beside what every service does. */
export interface AuthConfig {
  readonly PUBLIC_URL?: string | undefined
  readonly DATA_SERVICES: readonly string[]
  readonly REGISTRATION_STEP_SECONDS: number
  readonly FAREWELL_SECONDS: number
  readonly ERASURE_RETRY_SECONDS: number
  readonly ERASURE_STUCK_AFTER: number
  readonly PASSWORD_RESET_SECONDS: number
  readonly EXPORT_RETRY_SECONDS: number
  readonly EXPORT_TIMEOUT_SECONDS: number
  readonly EXPORT_LINK_SECONDS: number
}

const week = 604_800

export const authConfig: { readonly [Name in keyof AuthConfig]-?: z.ZodType<AuthConfig[Name]> } = {
  PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as https://accounts.example' })
    .transform((url) => url.replace(/\/+$/, ''))
    .optional(),
  DATA_SERVICES: z
    .string()
    .regex(/^[a-z][a-z0-9-]*(,[a-z][a-z0-9-]*)*$/, 'must be names of services, separated by commas')
    .default(authDefaults.dataServices.join(','))
    .transform((names) => [...new Set(names.split(','))].filter((name) => name !== 'auth')),
  REGISTRATION_STEP_SECONDS: seconds(authDefaults.registrationStep),
  FAREWELL_SECONDS: seconds(authDefaults.farewell),
  ERASURE_RETRY_SECONDS: seconds(authDefaults.eraseAgain),
  ERASURE_STUCK_AFTER: whole(authDefaults.eraseStuckAfter, 1_000),
  PASSWORD_RESET_SECONDS: seconds(authDefaults.passwordReset),
  EXPORT_RETRY_SECONDS: seconds(authDefaults.exportAgain),
  EXPORT_TIMEOUT_SECONDS: seconds(authDefaults.exportWithin),
  EXPORT_LINK_SECONDS: seconds(authDefaults.exportLink),
}

/** `beside`: where people reach the service unless the environment says. */
export function authOptionsOf(config: AuthConfig, beside: string): AuthOptions {
  return {
    publicUrl: config.PUBLIC_URL ?? beside,
    dataServices: config.DATA_SERVICES,
    registrationStep: config.REGISTRATION_STEP_SECONDS * 1_000,
    farewell: config.FAREWELL_SECONDS * 1_000,
    eraseAgain: config.ERASURE_RETRY_SECONDS * 1_000,
    eraseStuckAfter: config.ERASURE_STUCK_AFTER,
    passwordReset: config.PASSWORD_RESET_SECONDS * 1_000,
    exportAgain: config.EXPORT_RETRY_SECONDS * 1_000,
    exportWithin: config.EXPORT_TIMEOUT_SECONDS * 1_000,
    exportLink: config.EXPORT_LINK_SECONDS * 1_000,
  }
}

/** A number of seconds, 1 to a week. */
function seconds(milliseconds: number): z.ZodType<number> {
  return whole(milliseconds / 1_000, week)
}

function whole(fallback: number, most: number): z.ZodType<number> {
  const rule = `must be a whole number from 1 to ${most}`
  return z
    .string()
    .regex(/^\d{1,6}$/, rule)
    .default(String(fallback))
    .transform(Number)
    .refine((value) => value >= 1 && value <= most, rule)
}
