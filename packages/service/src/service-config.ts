import { type BusConfig, configFrom, isTidingsError, type LogLevel, TidingsError } from 'tidings'
import { z } from 'zod'

/** What every service reads from its environment. */
export interface BaseConfig {
  /** Address to listen on. Default 127.0.0.1: this machine only. */
  readonly HOST: string
  /** Default 4000; 0 for any that is free. */
  readonly PORT: number
  /** Default `info`. */
  readonly LOG_LEVEL: LogLevel
  /** Where events and tables are kept, and the broker where there is one. */
  readonly bus: BusConfig
}

const portRule = 'must be a port, a whole number from 0 to 65535'

type Variables = Omit<BaseConfig, 'bus'>

/** The rules of what every service reads beside its bus, to be spread into a service's own. */
export const baseConfig: { readonly [Name in keyof Variables]: z.ZodType<Variables[Name]> } = {
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
 * Reads a configuration from an environment: by the rules of `shape`, and the bus as `configFrom` does. `beside`: where events and tables are
 * kept where a broker is all that is named. Throws `TIDINGS_INVALID_OPTION` that names every variable that is
 * wrong, and its rule, but no value. An empty variable counts as one that is not there.
 */
export function serviceConfig<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
  env: Readonly<Record<string, string | undefined>>,
  { beside }: { readonly beside?: string } = {},
): z.infer<z.ZodObject<Shape>> & Pick<BaseConfig, 'bus'> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const read = z.object(shape).safeParse(given)
  const { bus, mistakes: ofBus = [] } = busConfig(env, beside)
  if (read.success && bus !== undefined) return { ...read.data, bus }
  const mistakes = [
    ...(read.error?.issues ?? []).map(({ path, message }) => `${path.join('.')} ${ruleOf(message)}`),
    ...ofBus,
  ]
  throw new TidingsError('TIDINGS_INVALID_OPTION', `The environment is not right: ${mistakes.join('; ')}.`, {
    details: { mistakes },
  })
}

/** The options of the bus, or what is wrong with them. */
function busConfig(
  env: Readonly<Record<string, string | undefined>>,
  beside: string | undefined,
): { readonly bus?: BusConfig; readonly mistakes?: readonly string[] } {
  try {
    return { bus: configFrom(env, beside === undefined ? {} : { beside }) }
  } catch (error) {
    if (!isTidingsError(error, 'TIDINGS_INVALID_OPTION')) throw error
    const mistakes = error.details['mistakes'] as readonly string[]
    return {
      mistakes: mistakes.map((text) => text.replace(/^Expected (\S+) (not )?to be/, '$1 must $2be').replace(/\.$/, '')),
    }
  }
}

function ruleOf(message: string): string {
  const text = message.replace(/^Invalid (input|option): /, '').replace(/\.$/, '')
  return text.startsWith('must ') ? text : `is not right (${text})`
}
