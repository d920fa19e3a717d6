import type { DocumentQuery, StoredDocument } from '../store.ts'

type Index = Readonly<Record<string, string | number>>

interface Kept extends StoredDocument {
  readonly index: Index | undefined
}

/** Documents of the memory store: a map a collection, sorted when asked. */
export class MemoryDocuments {
  readonly #collections = new Map<string, Map<string, Kept>>()

  versionOf(collection: string, id: string): number {
    return this.#collections.get(collection)?.get(id)?.version ?? 0
  }

  put(collection: string, id: string, body: string, index: Index | undefined): void {
    let documents = this.#collections.get(collection)
    if (documents === undefined) this.#collections.set(collection, (documents = new Map()))
    // Copied: the index belongs to the document from now on, whatever the caller does to its own object.
    documents.set(id, { id, body, index: index && { ...index }, version: (documents.get(id)?.version ?? 0) + 1 })
  }

  delete(collection: string, id: string): void {
    this.#collections.get(collection)?.delete(id)
  }

  find(collection: string, query: DocumentQuery): readonly StoredDocument[] {
    const documents = this.#collections.get(collection)
    if (documents === undefined) return []
    if (query.id !== undefined) {
      const found = documents.get(query.id)
      return found === undefined || !matches(found, query) ? [] : [asStored(found)]
    }
    const found = [...documents.values()].filter((document) => matches(document, query))
    const by = query.by?.index
    found.sort((a, b) => (by === undefined ? 0 : compare(valueOf(a, by), valueOf(b, by))) || compareText(a.id, b.id))
    return found.slice(0, query.limit ?? 1_000).map(asStored)
  }
}

function matches(document: Kept, query: DocumentQuery): boolean {
  if (query.prefix !== undefined && !document.id.startsWith(query.prefix)) return false
  if (query.after !== undefined && compareText(document.id, query.after) <= 0) return false
  if (query.by === undefined) return true
  const value = valueOf(document, query.by.index)
  if (value === undefined) return false
  if (query.by.equal !== undefined) return value === query.by.equal
  return query.by.upTo === undefined || (typeof value === 'number' && value <= query.by.upTo)
}

/** Own members only: an index may be named like something that every object inherits. */
function valueOf({ index }: Kept, name: string): string | number | undefined {
  return index !== undefined && Object.hasOwn(index, name) ? index[name] : undefined
}

function compare(a: string | number | undefined, b: string | number | undefined): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b)
  return typeof a === 'number' ? -1 : 1
}

/** By bytes of UTF-8, as the databases order text; JavaScript's own order (UTF-16 units) differs where surrogates occur. */
function compareText(a: string, b: string): number {
  if (a === b) return 0
  return surrogates.test(a) || surrogates.test(b) ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : a < b ? -1 : 1
}

const surrogates = /[\ud800-\udfff]/

function asStored({ id, version, body }: Kept): StoredDocument {
  return { id, version, body }
}
