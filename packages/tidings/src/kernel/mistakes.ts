import { TidingsError } from './errors.ts'

/** The options that there are, by name. */
export type Names = Readonly<Record<string, true>>

/** Gathers what is wrong with options, so that whoever wrote them hears of all of it at once. */
export class Mistakes {
  readonly found: string[] = []

  /** `rule` continues "Expected". Values are told cut short, objects by their kind. */
  expect(fine: boolean, rule: string, ...got: readonly unknown[]): void {
    if (!fine) this.found.push(`Expected ${rule}${got.length === 0 ? '' : `, got ${describe(got[0])}`}.`)
  }

  /** Names that are no options, most often misspelt. `known` are those that there are; `place` begins with the name of the object they are in, with its dot. */
  refuseUnknown(options: unknown, known: Names, place = ''): void {
    if (typeof options !== 'object' || options === null) return
    for (const name of Object.keys(options)) {
      if (Object.hasOwn(known, name) || !isSaid(options, name)) continue
      const near = nearest(name, Object.keys(known))
      this.found.push(
        `There is no option \`${place}${name.slice(0, 40)}\`${near === undefined ? '.' : `; did you mean \`${place}${near}\`?`}`,
      )
    }
  }

  /** What `read` returns, or `instead` where it throws a coded error: that one's message counts as a mistake. */
  read<Value>(read: () => Value, instead: Value): Value {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof TidingsError)) throw error
      this.found.push(error.message)
      return instead
    }
  }

  /** Throws one `TIDINGS_INVALID_OPTION` that names them all, after `intro`; nothing where there are none. */
  throwAny(intro: string, details: Readonly<Record<string, unknown>> = {}): void {
    if (this.found.length === 0) return
    throw new TidingsError('TIDINGS_INVALID_OPTION', `${intro}: ${this.found.join(' ')}`, {
      details: { ...details, mistakes: this.found },
    })
  }
}

/**
 * Makes what throws `TIDINGS_INVALID_OPTION` for names that are no options, for calls that are made often: where all are known, it costs a look at each.
 * What a prototype carries is none of the caller's.
 */
export function nameGuard(known: Names): (intro: string, options: unknown, place?: string) => void {
  const names: ReadonlySet<string> = new Set(Object.keys(known))
  return (intro, options, place = '') => {
    if (typeof options !== 'object' || options === null) return
    for (const name in options) {
      if (names.has(name) || !isSaid(options, name)) continue
      const mistakes = new Mistakes()
      mistakes.refuseUnknown(options, known, place)
      mistakes.throwAny(intro, { field: `${place}${name.slice(0, 40)}` })
    }
  }
}

function isSaid(options: object, name: string): boolean {
  return Object.hasOwn(options, name) && (options as Readonly<Record<string, unknown>>)[name] !== undefined
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80))
  const shown =
    typeof value === 'object' && value !== null
      ? Array.isArray(value)
        ? 'a list'
        : 'an object'
      : `\`${String(value).slice(0, 80)}\` (${typeof value})`
  return shown
}

/** The name that differs by the fewest letters, where those are few; else the longest that `name` begins with (`timeoutMs`). */
function nearest(name: string, names: readonly string[]): string | undefined {
  const plain = stem(name)
  const [best] = names
    .map((other) => ({ other, apart: distance(plain, stem(other)) }))
    .toSorted((a, b) => a.apart - b.apart)
  if (best !== undefined && best.apart <= Math.max(1, Math.floor(best.other.length / 3))) return best.other
  const [longest] = names
    .filter((other) => stem(other).length >= 3 && plain.startsWith(stem(other)))
    .toSorted((a, b) => b.length - a.length)
  return longest
}

/** One and several are told alike: `retries` and `retry`, `index` and `indexes`. */
function stem(name: string): string {
  return name
    .slice(0, 40)
    .toLowerCase()
    .replace(/ies$/, 'y')
    .replace(/(?:(?<=x|s)es|s)$/, '')
}

/** How many letters must be put in, taken out or changed (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(changed, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
