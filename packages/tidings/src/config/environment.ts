import type { Mistakes } from '../kernel/mistakes.ts'

/** Names and values, as a process is given them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Reads variables by their rules. What is wrong is named with its rule, never with its value: it may be a password. */
export class EnvironmentReader {
  readonly #env: Environment
  readonly #mistakes: Mistakes

  constructor(env: Environment, mistakes: Mistakes) {
    this.#env = env
    this.#mistakes = mistakes
  }

  /** Undefined where the variable is not there, or empty. */
  text(name: string): string | undefined {
    const value = Object.hasOwn(this.#env, name) ? this.#env[name]?.trim() : undefined
    return value === undefined || value === '' ? undefined : value
  }

  /** `true` or `false`, also as `1` and `0`, `yes` and `no`, `on` and `off`. */
  flag(name: string): boolean | undefined {
    const value = this.text(name)?.toLowerCase()
    if (value === undefined) return undefined
    if (['true', '1', 'yes', 'on'].includes(value)) return true
    if (['false', '0', 'no', 'off'].includes(value)) return false
    this.wrong(name, 'to be true or false')
    return undefined
  }

  choice<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const found = choices.find((choice) => choice === value.toLowerCase())
    if (found === undefined) this.wrong(name, `to be one of ${choices.join(', ')}`)
    return found
  }

  /** A decimal number above 0, at most `most`. */
  number(name: string, most: number): number | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const number = /^\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN
    if (number > 0 && number <= most) return number
    this.wrong(name, `to be a number above 0, at most ${most}`)
    return undefined
  }

  wrong(name: string, rule: string): void {
    this.#mistakes.found.push(`Expected ${name} ${rule}.`)
  }
}
