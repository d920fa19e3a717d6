import { typePattern } from '../events/type-pattern.ts'

/** A set of types, by names and wildcards. */
export interface TypeMatcher {
  matches(type: string): boolean
  /** The names, where there are no wildcards: what a store can filter by itself. */
  readonly names: readonly string[] | undefined
}

/** No patterns: everything. Names without wildcards may be of any form, as events from elsewhere have them. Throws `TIDINGS_INVALID_OPTION`. */
export function typeMatcher(patterns: readonly string[]): TypeMatcher {
  if (patterns.length === 0) return { matches: () => true, names: undefined }
  const names = new Set(patterns.filter((pattern) => !isTypePattern(pattern)))
  const tests = patterns.filter(isTypePattern).map((pattern) => typePattern(pattern))
  return {
    matches: (type) => names.has(type) || tests.some((test) => test(type)),
    names: tests.length > 0 ? undefined : [...names],
  }
}

function isTypePattern(text: string): boolean {
  return text.includes('*')
}
