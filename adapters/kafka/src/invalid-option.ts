import { TidingsError } from 'tidings/spi'

export function invalidOption(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` to be ${rule}.`, { details: { field } })
}
