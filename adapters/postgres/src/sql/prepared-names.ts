/** Statements that are kept prepared on each connection; a server keeps a few kilobytes for one. */
const mostNames = 200
/** Texts that were run once and are remembered, to see whether they come again. */
const mostSeen = 1_000

/** What is prepared without a name is parsed and planned at each run, which costs more than a small statement itself. */
const changes = /^\s*(?:insert|update|delete|merge)\b/i
/** PostgreSQL refuses a prepared statement whose columns have changed with a table's; what answers nothing has none. */
const answers = /\breturning\b/i

/** Names under which statements of users are prepared, for those that come again. The same text has the same name until it is forgotten. */
export class PreparedNames {
  readonly #names = new Map<string, string>()
  readonly #seen = new Set<string>()
  #given = 0

  /** Undefined: it is to be prepared anew. */
  of(text: string): string | undefined {
    const known = this.#names.get(text)
    if (known !== undefined || this.#given >= mostNames) return known
    if (this.#seen.delete(text)) {
      const name = `tidings_${++this.#given}`
      this.#names.set(text, name)
      return name
    }
    if (!changes.test(text) || answers.test(text)) return undefined
    if (this.#seen.size >= mostSeen) this.#seen.clear()
    this.#seen.add(text)
    return undefined
  }

  /** From here on it is prepared anew, for a type that was worked out then may be another now. False: it was. */
  forget(text: string): boolean {
    return this.#names.delete(text)
  }
}
