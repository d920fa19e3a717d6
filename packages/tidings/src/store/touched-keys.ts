import { type DocumentChange, type Expectation, streamText } from './store.ts'

/** What an expectation is about, as one text: a stream's is that of `streamText`, a document's that of `documentKey`. */
export function expectedKey(expectation: Expectation): string {
  return 'stream' in expectation ? streamText(expectation.stream) : documentKey(expectation)
}

/** A document as one text that no stream has. */
export function documentKey({ collection, id }: Pick<DocumentChange, 'collection' | 'id'>): string {
  return `\n${collection}\n${id}`
}
