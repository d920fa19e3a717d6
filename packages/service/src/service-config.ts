import { type LogLevel, TidingsError } from 'tidings'
import { z } from 'zod'

/** What every service reads from its environment. */
export interface BaseConfig {
  /** Where events and tables are kept. Default `sqlite:./tidings.db`. */
  readonly TIDINGS_URL: string
  /** Address to listen on. Default 127.0.0.1: this machine only. */
  readonly HOST: string
  /** Default 4000; 0 for any that is free. */
  readonly PORT: number
  /** Default `info`. */
  readonly LOG_LEVEL: LogLevel
}

const portRule = 'must be a port, a whole number from 0 to 65535'

/** The rules of `BaseConfig`, to be spread into a service's own. */
export const baseConfig: { readonly [Name in keyof BaseConfig]: z.ZodType<BaseConfig[Name]> } = {
  TIDINGS_URL: z.string().default('sqlite:./tidings.db'),
  HOST: z.string().default('127.0.0.1'),
  // Number() alone would take text such as '0x10' for a number.
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, portRule)
    .default('4000')
    .transform(Number)
    .refine((port) => port <= 65_535, portRule),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error').default('info'),
}

/**
 * Reads a configuration from an environment by the rules of `shape`. Throws `TIDINGS_INVALID_OPTION` that names every variable that is
 * wrong, and its rule, but no value. An empty variable counts as one that is not there.
 */
export function serviceConfig<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
  env: Readonly<Record<string, string | undefined>>,
): z.infer<z.ZodObject<Shape>> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const read = z.object(shape).safeParse(given)
  if (read.success) return read.data
  const mistakes = read.error.issues.map(({ path, message }) => `${path.join('.')} ${ruleOf(message)}`)
  throw new TidingsError('TIDINGS_INVALID_OPTION', `The environment is not right: ${mistakes.join('; ')}.`, {
    details: { mistakes },
  })
}

function ruleOf(message: string): string {
  const text = message.replace(/^Invalid (input|option): /, '').replace(/\.$/, '')
  return text.startsWith('must ') ? text : `is not right (${text})`
}
