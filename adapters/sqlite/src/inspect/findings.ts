/** Something about a file that should not be. Places are numbers and names; no payload is ever told. */
export interface Finding {
  readonly kind: /** SQLite's own check of the file complains. */
    | 'file'
    /** A row cannot be read. */
    | 'unreadable'
    /** An event differs from what was written. */
    | 'checksum'
    /** An event's partition is not that of its stream. */
    | 'partition'
    /** A stream's versions have a hole. */
    | 'gap'
    /** A row belongs to something that does not exist. */
    | 'foreign'
    /** A document does not parse. */
    | 'document'
  readonly table: string
  /** Which row, in the terms of its table, such as `position 17`. */
  readonly row: string
  /** One sentence. */
  readonly message: string
}

/** Keeps the first findings and counts the rest. */
export class Findings {
  readonly list: Finding[] = []
  readonly #most: number
  more = 0

  constructor(most: number) {
    this.#most = most
  }

  add(kind: Finding['kind'], table: string, row: string, message: string): void {
    if (this.list.length < this.#most) this.list.push({ kind, table, row, message })
    else this.more++
  }
}
