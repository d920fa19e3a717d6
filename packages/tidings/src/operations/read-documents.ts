import type { Store, StoredDocument } from '../store/store.ts'

/** Documents read at a time. */
const page = 500

/** All documents of a collection whose ids begin with `prefix`, in order of id, a page at a time; after an id where given. */
export async function* readDocuments(
  store: Store,
  collection: string,
  { prefix = '', after }: { readonly prefix?: string; readonly after?: string | undefined } = {},
): AsyncGenerator<StoredDocument> {
  for (let last = after; ; ) {
    const documents = await store.find(collection, {
      prefix,
      limit: page,
      ...(last === undefined ? {} : { after: last }),
    })
    yield* documents
    if (documents.length < page) return
    last = documents.at(-1)?.id
  }
}
