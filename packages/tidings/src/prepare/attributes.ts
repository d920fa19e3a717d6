import { TidingsError } from '../kernel/errors.ts'

/** Longest text of an attribute, in UTF-16 units. */
const longest = 1_000

// Also covers what CloudEvents 1.0.2 forbids in attributes (section "Type System"): control characters, unpaired surrogates and noncharacters.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const control = /[\u0000-\u001f\u007f-\u009f]/

const noncharacter = /\p{Noncharacter_Code_Point}/u

/** Most attributes are plain ASCII, and one look says so. */
const plainAscii = /^[\x20-\x7e]*$/

/** Returns the attribute, or throws `TIDINGS_INVALID_EVENT` naming it: text of 1 to 1,000 characters without control characters. */
export function attribute(name: string, value: unknown): string {
  if (typeof value !== 'string') throw refuse(name, `must be text, got ${typeof value}`)
  if (value.length === 0) throw refuse(name, 'must not be empty')
  if (value.length > longest) throw refuse(name, `must not be longer than ${longest} characters`)
  if (plainAscii.test(value)) return value
  if (control.test(value)) throw refuse(name, 'must not hold control characters')
  if (!value.isWellFormed()) throw refuse(name, 'must be well-formed Unicode')
  if (noncharacter.test(value)) throw refuse(name, 'must not hold noncharacters such as U+FFFF')
  return value
}

/** The same for an attribute that may be absent. */
export function optionalAttribute(name: string, value: unknown): string | undefined {
  return value === undefined ? undefined : attribute(name, value)
}

function refuse(name: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_EVENT', `\`${name}\` ${rule}.`, { details: { field: name, rule } })
}
