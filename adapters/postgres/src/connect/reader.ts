import { hash } from 'node:crypto'

import type { Link, TextRow } from './link.ts'

/** Runs reads on the connection that has the least to do. Statements are prepared under a name made of their text. */
export class Reader {
  readonly #links: readonly Link[]
  readonly #names = new Map<string, string>()

  constructor(links: readonly Link[]) {
    this.#links = links
  }

  rows(text: string, values: unknown[]): Promise<readonly TextRow[]> {
    let name = this.#names.get(text)
    // As many as there are shapes of queries: a few dozen.
    if (name === undefined) this.#names.set(text, (name = `tidings_${hash('sha256', text).slice(0, 40)}`))
    let chosen = this.#links[0] as Link
    for (const link of this.#links) if (link.pending < chosen.pending) chosen = link
    return chosen.rows(name, text, values)
  }
}
