import type { DocumentChange, Expectation, Store } from '../store/store.ts'
import type { DocumentSink } from './projection-documents.ts'

/** What many handlers do to documents, one after the other, gathered for one commit. */
export interface OverlaySink {
  readonly sink: DocumentSink
  /** What stood there when it was first read: it must still be so. */
  expect(): readonly Expectation[]
  changes(): readonly DocumentChange[]
}

/** Later writes stand for earlier ones: what is deleted and put again is one put, so that its version goes on. */
export function overlaySink(store: Store): OverlaySink {
  const changes = new Map<string, DocumentChange>()
  const seen = new Map<string, Expectation>()
  return {
    sink: {
      async read(collection, id) {
        const key = `${collection}\n${id}`
        const change = changes.get(key)
        if (change !== undefined) return 'put' in change ? change.put : undefined
        const [document] = await store.find(collection, { id })
        if (!seen.has(key)) seen.set(key, { collection, id, version: document?.version ?? 0 })
        return document?.body
      },
      change: (change) => void changes.set(`${change.collection}\n${change.id}`, change),
    },
    expect: () => [...seen.values()],
    changes: () => [...changes.values()],
  }
}
