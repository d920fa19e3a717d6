import { plain } from '../events/plain.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { DocumentChange, Expectation, Store } from '../store/store.ts'
import type { Attempt } from '../subscriber/attempt.ts'
import type { CollectionDefinition, FindQuery, Found, ReadableCollection, WritableCollection } from './collection.ts'
import type { Collections } from './define-projection.ts'
import { collectionName } from './generation.ts'

/** Where what a handler does to documents goes. */
export interface DocumentSink {
  /** What stands there, with what was written before it in the same unit. */
  read(collection: string, id: string): Promise<string | undefined>
  change(change: DocumentChange): void
}

/** A generation's collections, as one handler sees them. */
export function writableCollections(
  projection: string,
  generation: number,
  collections: Collections,
  sink: DocumentSink,
): Readonly<Record<string, WritableCollection<unknown>>> {
  return Object.fromEntries(
    Object.entries(collections).map(([name, definition]) => [
      name,
      writable(collectionName(projection, name, generation), definition as CollectionDefinition<unknown>, sink),
    ]),
  )
}

function writable(
  collection: string,
  { index }: CollectionDefinition<unknown>,
  sink: DocumentSink,
): WritableCollection<unknown> {
  return {
    async get(id) {
      const body = await sink.read(collection, checkedId(id))
      return body === undefined ? undefined : (JSON.parse(body) as unknown)
    },
    put(id, value) {
      const kept = plain(value)
      if (kept === undefined) throw invalid('value', 'JSON data')
      const entries = index?.(kept)
      sink.change({
        collection,
        id: checkedId(id),
        put: JSON.stringify(kept),
        ...(entries === undefined ? {} : { index: entries }),
      })
    },
    delete: (id) => sink.change({ collection, id: checkedId(id), delete: true }),
  }
}

/** Joins what a handler does to its attempt: what it has read is expected to be so at the commit. */
export function attemptSink(store: Store, attempt: Attempt): DocumentSink {
  const written = new Map<string, string | undefined>()
  const read = new Set<string>()
  return {
    async read(collection, id) {
      const key = `${collection}\n${id}`
      if (written.has(key)) return written.get(key)
      const [document] = await store.find(collection, { id })
      if (!read.has(key)) {
        read.add(key)
        const expect: Expectation = { collection, id, version: document?.version ?? 0 }
        attempt.join({ expect: [expect] })
      }
      return document?.body
    },
    change(change) {
      written.set(`${change.collection}\n${change.id}`, 'put' in change ? change.put : undefined)
      attempt.join({ documents: [change] })
    },
  }
}

/** A collection of one generation, to be read. `generation` is asked for at each call. */
export function readableCollection(
  store: Store,
  projection: string,
  name: string,
  generation: () => Promise<number>,
): ReadableCollection<unknown> {
  const find = async (query: FindQuery & { readonly id?: string }): Promise<readonly Found<unknown>[]> => {
    const found = await store.find(collectionName(projection, name, await generation()), query)
    return found.map(({ id, body }) => ({ id, value: JSON.parse(body) as unknown }))
  }
  return {
    get: async (id) => (await find({ id: checkedId(id) }))[0]?.value,
    find: (query = {}) => find(query),
  }
}

function checkedId(id: string): string {
  if (typeof id === 'string' && id.length > 0 && id.length <= 500 && id.isWellFormed() && !id.includes('\0')) return id
  throw invalid('id', '1 to 500 characters')
}

function invalid(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_DATA', `Expected \`${field}\` of a projected document to be ${rule}.`, {
    details: { field },
  })
}
