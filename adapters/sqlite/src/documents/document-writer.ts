import type { DatabaseSync, StatementSync } from 'node:sqlite'

import { type DocumentChange, TidingsError } from 'tidings/spi'

type Put = Extract<DocumentChange, { readonly put: string }>

/** Changes documents, inside a transaction that somebody else begins and ends. */
export class DocumentWriter {
  readonly #version: StatementSync
  readonly #indexed: StatementSync
  readonly #put: StatementSync
  readonly #putIndexed: StatementSync
  readonly #delete: StatementSync
  readonly #enter: StatementSync
  readonly #leave: StatementSync

  constructor(db: DatabaseSync) {
    const one = { returnArrays: true }
    this.#version = db.prepare('select version from tidings_documents where collection = ? and id = ?', one)
    this.#indexed = db.prepare('select indexed from tidings_documents where collection = ? and id = ?', one)
    this.#put = db.prepare(
      `insert into tidings_documents (collection, id, version, body) values (?, ?, 1, ?)
       on conflict do update set version = version + 1, body = excluded.body where indexed is null`,
    )
    this.#putIndexed = db.prepare(
      `insert into tidings_documents (collection, id, version, body, indexed) values (?, ?, 1, ?, ?)
       on conflict do update set version = version + 1, body = excluded.body, indexed = excluded.indexed`,
    )
    this.#delete = db.prepare('delete from tidings_documents where collection = ? and id = ?')
    this.#enter = db.prepare('insert into tidings_document_index (collection, name, value, id) values (?, ?, ?, ?)')
    this.#leave = db.prepare(
      'delete from tidings_document_index where collection = ? and name = ? and value = ? and id = ?',
    )
  }

  versionOf(collection: string, id: string): number {
    return (this.#version.get(collection, id) as unknown as [number] | undefined)?.[0] ?? 0
  }

  change(changes: readonly DocumentChange[]): void {
    for (const change of changes) {
      if ('put' in change) this.#putOne(change)
      else this.#deleteOne(change.collection, change.id)
    }
  }

  #putOne({ collection, id, put, index }: Put): void {
    // Nearly all documents carry no index: one statement, which changes nothing where an older version carried one.
    if (index === undefined && this.#put.run(collection, id, put).changes === 1) return
    const entries = index === undefined ? [] : Object.entries(index)
    const indexed = entries.length === 0 ? null : JSON.stringify(entries)
    const before = this.#readIndexed(collection, id)
    this.#putIndexed.run(collection, id, put, indexed)
    if (indexed === before) return
    this.#clear(collection, id, before)
    for (const [name, value] of entries) {
      if (typeof value === 'number' && !Number.isFinite(value)) throw notFinite(name)
      this.#enter.run(collection, name, value, id)
    }
  }

  #deleteOne(collection: string, id: string): void {
    this.#clear(collection, id, this.#readIndexed(collection, id))
    this.#delete.run(collection, id)
  }

  #clear(collection: string, id: string, indexed: string | null): void {
    if (indexed === null) return
    for (const [name, value] of JSON.parse(indexed) as [string, string | number][])
      this.#leave.run(collection, name, value, id)
  }

  #readIndexed(collection: string, id: string): string | null {
    return (this.#indexed.get(collection, id) as unknown as [string | null] | undefined)?.[0] ?? null
  }
}

function notFinite(name: string): TidingsError {
  return new TidingsError(
    'TIDINGS_INVALID_OPTION',
    `Expected \`index.${name}\` of a document to be text or a finite number.`,
    {
      details: { field: `index.${name}` },
    },
  )
}
