import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'

import { LRUCache } from 'lru-cache'
import type { DocumentQuery, StoredDocument } from 'tidings/spi'

import { limitOf } from '../limit-of.ts'

/** Reads documents. Statements are kept by the shape of the query. */
export class DocumentReader {
  readonly #db: DatabaseSync
  readonly #statements = new LRUCache<string, StatementSync>({ max: 100 })

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  find(collection: string, query: DocumentQuery): readonly StoredDocument[] {
    const { conditions, values, by } = compile(collection, query)
    const text =
      `select d.id, d.version, d.body from ` +
      (by
        ? 'tidings_document_index i cross join tidings_documents d on d.collection = i.collection and d.id = i.id'
        : 'tidings_documents d') +
      ` where ${conditions.join(' and ')} order by ${by ? 'i.value, i.id' : 'd.id'} limit ?`
    let statement = this.#statements.get(text)
    if (statement === undefined) {
      statement = this.#db.prepare(text, { returnArrays: true })
      this.#statements.set(text, statement)
    }
    const rows = statement.all(...values, limitOf(query.limit ?? 1_000)) as unknown as [string, number, string][]
    return rows.map(([id, version, body]) => ({ id, version, body }))
  }
}

function compile(
  collection: string,
  { id, prefix, by, after }: DocumentQuery,
): { conditions: string[]; values: SQLInputValue[]; by: boolean } {
  const conditions: string[] = []
  const values: SQLInputValue[] = []
  const add = (condition: string, ...bound: SQLInputValue[]): void => {
    conditions.push(condition)
    values.push(...bound)
  }
  const name = by === undefined ? 'd.id' : 'i.id'
  add(by === undefined ? 'd.collection = ?' : 'i.collection = ?', collection)
  if (by !== undefined) {
    add('i.name = ?', by.index)
    if (by.equal !== undefined) add('i.value = ?', by.equal)
    // All text comes after all numbers, so this finds numbers alone.
    if (by.upTo !== undefined) add('i.value <= ?', by.upTo)
  }
  if (id !== undefined) add(`${name} = ?`, id)
  if (after !== undefined) add(`${name} > ?`, after)
  if (prefix !== undefined && prefix !== '') {
    add(`${name} >= ?`, prefix)
    const end = textAfter(prefix)
    if (end !== undefined) add(`${name} < ?`, end)
  }
  return { conditions, values, by: by !== undefined }
}

/** The least text above everything that begins with `prefix`, in the order of code points; undefined: there is none. */
export function textAfter(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) as number)
  while (points.length > 0) {
    const last = points.pop() as number
    // Surrogates are no characters.
    if (last < 0x10ffff) return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
  }
  return undefined
}
