import { TidingsError } from './errors.ts'

/** Gathers what is wrong with options, so that whoever wrote them hears of all of it at once. */
export class Mistakes {
  readonly found: string[] = []

  /** `rule` continues "Expected". Values are told cut short, objects by their kind. */
  expect(fine: boolean, rule: string, ...got: readonly unknown[]): void {
    if (!fine) this.found.push(`Expected ${rule}${got.length === 0 ? '' : `, got ${describe(got[0])}`}.`)
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
