import type { Store, StoredEvent, StreamName } from '../store/store.ts'
import { readArchive } from './stream-archive.ts'
import { goneThrough, readNote, type StreamNote } from './stream-note.ts'

/** Events read from the log at a time. */
const page = 500

/**
 * What there is of a stream, from a version on, wherever it is: first the archive, then the log; in reverse the other way round. What was deleted is
 * left out, also while it still stands in the log. What is moved to the archive meanwhile is read there.
 */
export async function* readWholeStream(
  store: Store,
  stream: StreamName,
  note: StreamNote,
  options: { readonly from?: number | undefined; readonly reverse?: boolean | undefined } = {},
): AsyncGenerator<readonly StoredEvent[]> {
  if (options.reverse === true) yield* backward(store, stream, note, options.from ?? Number.POSITIVE_INFINITY)
  else yield* forward(store, stream, note, options.from ?? 1)
}

async function* forward(
  store: Store,
  stream: StreamName,
  first: StreamNote,
  start: number,
): AsyncGenerator<readonly StoredEvent[]> {
  let note = first
  for (let from = Math.max(start, 1); ; ) {
    from = Math.max(from, note.deleted + 1)
    if (from <= note.archived) {
      yield* readArchive(store, stream, from, note.archived)
      from = note.archived + 1
    }
    const events = await store.readStream(stream, { from, limit: page })
    // What is not where it was read of may have been moved since the note was read.
    if (!follows(events, from)) {
      const now = (await readNote(store, stream)).note
      if (goneThrough(now) >= from) {
        note = now
        continue
      }
    }
    if (events.length > 0) yield events
    if (events.length < page) return
    from = (events.at(-1) as StoredEvent).streamVersion + 1
  }
}

/** Whether there is something, and nothing lacks in it. */
function follows(events: readonly StoredEvent[], from: number): boolean {
  return events.length > 0 && events.at(-1)?.streamVersion === from + events.length - 1
}

async function* backward(
  store: Store,
  stream: StreamName,
  first: StreamNote,
  last: number,
): AsyncGenerator<readonly StoredEvent[]> {
  let note = first
  /** All from here on has been read. */
  let done = last + 1
  while (done - 1 > goneThrough(note)) {
    const query = done === Number.POSITIVE_INFINITY ? {} : { from: done - 1 }
    const events = await store.readStream(stream, { ...query, reverse: true, limit: page })
    const wanted = events.filter(({ streamVersion }) => streamVersion > goneThrough(note))
    if (wanted.length > 0) yield wanted
    done = wanted.at(-1)?.streamVersion ?? done
    if (events.length === page) continue
    if (done - 1 > goneThrough(note)) note = (await readNote(store, stream)).note
    break
  }
  if (note.archived <= note.deleted) return
  const pages: (readonly StoredEvent[])[] = []
  for await (const events of readArchive(store, stream, note.deleted + 1, note.archived)) pages.push(events)
  for (const events of pages.toReversed()) {
    const wanted = events.filter(({ streamVersion }) => streamVersion < done)
    if (wanted.length > 0) yield wanted.toReversed()
  }
}
