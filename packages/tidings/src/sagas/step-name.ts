import { TidingsError } from '../kernel/errors.ts'

const pattern = /^[A-Za-z0-9][A-Za-z0-9 _.-]{0,79}$/

/** Whether it may name a step, an effect, or a timer: it becomes a member of the saga's document. */
export function isStepName(name: unknown): name is string {
  return typeof name === 'string' && pattern.test(name) && !(name in {})
}

export const stepNameRule = '1 to 80 letters, digits, spaces, `_`, `.` or `-`, beginning with a letter or digit'

/** Returns the name, or throws `TIDINGS_INVALID_OPTION` naming `field`. */
export function stepName(name: string, field: string): string {
  if (isStepName(name)) return name
  throw new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` to be named by ${stepNameRule}.`, {
    details: { field },
  })
}
