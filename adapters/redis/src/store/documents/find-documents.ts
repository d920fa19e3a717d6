import type { DocumentQuery, StoredDocument } from 'tidings/spi'

import type { Connection } from '../../connection/connection.ts'
import type { StoreKeys } from '../store-keys.ts'
import { findScript } from './find-script.ts'

/** Documents of one answer. */
const page = 2_000

interface Found {
  readonly documents: StoredDocument[]
  /** The indexes of each, as they are kept. */
  readonly indexes: readonly string[]
  /** Where to go on; empty: nothing is left. */
  readonly next: string
}

/** Finds documents. Answers are bounded in size: large ones come in several, between which others may commit. */
export class DocumentReader {
  readonly #connection: Connection
  readonly #keys: StoreKeys

  constructor(connection: Connection, keys: StoreKeys) {
    this.#connection = connection
    this.#keys = keys
  }

  async find(collection: string, query: DocumentQuery): Promise<readonly StoredDocument[]> {
    const limit = query.limit ?? 1_000
    if (!(limit > 0)) return []
    if (query.id !== undefined) return this.#findOne(collection, query, query.id)
    const { by } = query
    if (by === undefined) return this.#findById(collection, query, limit)
    // All numbers come before all text.
    const found = typeof by.equal === 'string' ? [] : await this.#findNumbers(collection, query, limit)
    if (found.length >= limit || typeof by.equal === 'number' || by.upTo !== undefined) return found
    return [...found, ...(await this.#findTexts(collection, query, limit - found.length))]
  }

  async #findOne(collection: string, query: DocumentQuery, id: string): Promise<readonly StoredDocument[]> {
    const { documents, indexes } = await this.#ask(collection, 'id', '', 1, [id])
    return documents.filter(
      (_, at) =>
        id.startsWith(query.prefix ?? '') &&
        (query.after === undefined || compareBytes(id, query.after) > 0) &&
        isIndexed(indexes[at] as string, query.by),
    )
  }

  async #findById(collection: string, query: DocumentQuery, limit: number): Promise<readonly StoredDocument[]> {
    const { prefix = '', after } = query
    const documents: StoredDocument[] = []
    let low = prefix === '' ? '-' : `[${prefix}`
    if (after !== undefined && compareBytes(after, prefix) >= 0) low = `(${after}`
    while (documents.length < limit) {
      const found = await this.#ask(collection, 'all', prefix, Math.min(page, limit - documents.length), [low])
      documents.push(...found.documents)
      if (found.next === '') break
      low = `(${found.next}`
    }
    return documents
  }

  async #findNumbers(collection: string, query: DocumentQuery, limit: number): Promise<StoredDocument[]> {
    const { index = '', equal, upTo } = query.by ?? {}
    const least = equal === undefined ? '-inf' : String(equal)
    const greatest = equal !== undefined ? String(equal) : upTo === undefined ? '+inf' : scoreText(upTo)
    return this.#findIndexed(collection, 'number', query, limit, [index, least, greatest])
  }

  async #findTexts(collection: string, query: DocumentQuery, limit: number): Promise<StoredDocument[]> {
    const { index = '', equal } = query.by ?? {}
    const bounds = typeof equal === 'string' ? [index, 'equal', equal] : [index, 'any', '']
    return this.#findIndexed(collection, 'text', query, limit, bounds)
  }

  async #findIndexed(
    collection: string,
    how: 'number' | 'text',
    { prefix = '' }: DocumentQuery,
    limit: number,
    bounds: readonly string[],
  ): Promise<StoredDocument[]> {
    const documents: StoredDocument[] = []
    for (let skip = '0'; skip !== '' && documents.length < limit; ) {
      const most = Math.min(page, limit - documents.length)
      const found = await this.#ask(collection, how, prefix, most, [...bounds, skip])
      documents.push(...found.documents)
      skip = found.next
    }
    return documents
  }

  async #ask(
    collection: string,
    how: 'id' | 'all' | 'number' | 'text',
    prefix: string,
    limit: number,
    rest: readonly string[],
  ): Promise<Found> {
    const reply = await this.#connection.run(
      findScript,
      [`${this.#keys.prefix}doc:${collection}`],
      [this.#keys.prefix, collection, how, String(limit), prefix, ...rest],
      'Finding documents',
    )
    const [next, values] = reply as readonly [string, readonly string[]]
    const documents: StoredDocument[] = []
    const indexes: string[] = []
    for (let at = 0; at < values.length; at += 3) {
      const version = values[at + 1] as string
      const space = version.indexOf(' ')
      documents.push({
        id: values[at] as string,
        version: Number(space === -1 ? version : version.slice(0, space)),
        body: values[at + 2] as string,
      })
      indexes.push(space === -1 ? '' : version.slice(space + 1))
    }
    return { documents, indexes, next }
  }
}

function isIndexed(kept: string, by: DocumentQuery['by']): boolean {
  if (by === undefined) return true
  if (kept === '') return false
  for (const [name, kind, value] of JSON.parse(kept) as [string, 'n' | 't', string][]) {
    if (name !== by.index) continue
    if (typeof by.equal === 'string') return kind === 't' && value === by.equal
    if (by.equal !== undefined) return kind === 'n' && Number(value) === by.equal
    return by.upTo === undefined || (kind === 'n' && Number(value) <= by.upTo)
  }
  return false
}

/** As the server orders text. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function scoreText(value: number): string {
  return value === Number.POSITIVE_INFINITY ? '+inf' : value === Number.NEGATIVE_INFINITY ? '-inf' : String(value)
}
