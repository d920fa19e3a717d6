import type { Expectation, Position, Store, StoredDocument, StreamName, Unit } from '../store/store.ts'
import { streamText } from '../store/store.ts'

export const streamsCollection = 'streams'

/** What the log alone does not tell of a stream: what of it was deleted, and what is in the archive. Versions go on counting either way. */
export interface StreamNote extends StreamName {
  /** Versions up to here were deleted: nobody reads them any more. 0: none. */
  readonly deleted: number
  /** Versions above `deleted` and up to here are in the archive. 0: none. */
  readonly archived: number
  /** Its events up to this position are still to be removed from the log. */
  readonly removing?: Position
}

/** The note of a stream, with the version of its document: 0 where there is none, which says that all of it is in the log. */
export interface KnownNote {
  readonly note: StreamNote
  readonly version: number
}

export async function readNote(store: Store, stream: StreamName): Promise<KnownNote> {
  const [document] = await store.find(streamsCollection, { id: streamText(stream) })
  if (document !== undefined) return { note: parseNote(document), version: document.version }
  const { tenant, category, key } = stream
  return { note: { tenant, category, key, deleted: 0, archived: 0 }, version: 0 }
}

export function parseNote(document: StoredDocument): StreamNote {
  return JSON.parse(document.body) as StreamNote
}

/** That nobody has archived or deleted anything of the stream since. */
export function unchangedNote({ note, version }: KnownNote): Expectation {
  return { collection: streamsCollection, id: streamText(note), version }
}

/** The unit that replaces a note as it was read. */
export function putNote(known: KnownNote, note: StreamNote): Required<Pick<Unit, 'expect' | 'documents'>> {
  const id = streamText(note)
  return {
    expect: [unchangedNote(known)],
    documents: [
      {
        collection: streamsCollection,
        id,
        put: JSON.stringify(note),
        ...(note.removing === undefined ? {} : { index: { removing: 1 } }),
      },
    ],
  }
}

/** Everything at or below this version is elsewhere than in the log, or nowhere. */
export function goneThrough({ deleted, archived }: StreamNote): number {
  return Math.max(deleted, archived)
}

/** Prefix of the ids of documents that belong to a stream, where one may have several. No part of a name holds control characters. */
export function ofStream(stream: StreamName): string {
  return `${streamText(stream)}\u001f`
}
