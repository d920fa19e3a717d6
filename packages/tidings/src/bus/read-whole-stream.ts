import type { Store, StoredEvent, StreamName } from '../store/store.ts'
import { readArchive } from './stream-archive.ts'
import { goneThrough, type StreamNote } from './stream-note.ts'

/** Events read from the log at a time. */
const page = 500

/**
 * What there is of a stream, from a version on, wherever it is: first the archive, then the log; in reverse the other way round. What was deleted is
 * left out, also while it still stands in the log.
 */
export async function* readWholeStream(
  store: Store,
  stream: StreamName,
  note: StreamNote,
  options: { readonly from?: number | undefined; readonly reverse?: boolean | undefined } = {},
): AsyncGenerator<readonly StoredEvent[]> {
  const reverse = options.reverse === true
  const inLog = goneThrough(note) + 1
  const archived = note.archived > note.deleted
  if (!reverse) {
    const from = Math.max(options.from ?? 1, note.deleted + 1)
    if (archived && from < inLog) yield* readArchive(store, stream, from, note.archived)
    yield* forward(store, stream, Math.max(from, inLog))
    return
  }
  yield* backward(store, stream, options.from, inLog)
  if (!archived) return
  const pages: StoredEvent[][] = []
  for await (const events of readArchive(store, stream, note.deleted + 1, note.archived)) pages.push([...events])
  const { from = Number.POSITIVE_INFINITY } = options
  for (const events of pages.toReversed()) {
    const wanted = events.filter(({ streamVersion }) => streamVersion <= from)
    if (wanted.length > 0) yield wanted.toReversed()
  }
}

async function* forward(store: Store, stream: StreamName, first: number): AsyncGenerator<readonly StoredEvent[]> {
  for (let from = first; ; ) {
    const events = await store.readStream(stream, { from, limit: page })
    if (events.length > 0) yield events
    if (events.length < page) return
    from = (events.at(-1) as StoredEvent).streamVersion + 1
  }
}

async function* backward(
  store: Store,
  stream: StreamName,
  last: number | undefined,
  least: number,
): AsyncGenerator<readonly StoredEvent[]> {
  for (let from = last; from === undefined || from >= least; ) {
    const query = from === undefined ? {} : { from }
    const events = await store.readStream(stream, { ...query, reverse: true, limit: page })
    const wanted = events.filter(({ streamVersion }) => streamVersion >= least)
    if (wanted.length > 0) yield wanted
    if (events.length < page) return
    from = (events.at(-1) as StoredEvent).streamVersion - 1
  }
}
