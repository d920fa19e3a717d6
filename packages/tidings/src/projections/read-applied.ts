import { readWholeStream } from '../bus/read-whole-stream.ts'
import { goneThrough, type KnownNote, unchangedNote } from '../bus/stream-note.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Expectation, Store, StoredEvent, StreamName } from '../store/store.ts'

/** Most events of one stream that are applied by one commit. */
export const most = 100_000

/** What of a stream had been applied. */
export interface Applied {
  readonly events: readonly StoredEvent[]
  /** What must still be so, so that nothing of it is lacking. */
  readonly expect: readonly Expectation[]
}

export interface ReadApplied {
  /** A version that the stream has reached for certain. */
  readonly least: number
  /** Whether events may be lacking that have left the log for good. */
  readonly lossy: boolean
  readonly applied: (event: StoredEvent) => boolean
}

/**
 * Those events of a stream that had been applied, from the archive, too. Rejects with `TIDINGS_HISTORY_GONE` where one has left the log for good, for what came
 * of it would be lost.
 */
export async function readApplied(
  store: Store,
  stream: StreamName,
  known: KnownNote,
  { least, lossy, applied }: ReadApplied,
): Promise<Applied> {
  const { note } = known
  const events: StoredEvent[] = []
  let version = note.deleted
  for await (const page of readWholeStream(store, stream, note)) {
    for (const event of page) {
      if (event.streamVersion !== version + 1 && !lossy) throw gone(stream, version + 1, event.streamVersion - 1)
      version = event.streamVersion
      if (applied(event)) events.push(event)
    }
    if (events.length > most) {
      throw new TidingsError('TIDINGS_TOO_LARGE', `The stream has more than ${most} events; rebuild the projection.`, {
        details: { limit: most },
      })
    }
  }
  const last = Math.max(least, goneThrough(note))
  if (version < last && !lossy) throw gone(stream, version + 1, last)
  return { events, expect: [{ stream, version: Math.max(version, last) }, unchangedNote(known)] }
}

function gone({ category }: StreamName, first: number, last: number): TidingsError {
  return new TidingsError(
    'TIDINGS_HISTORY_GONE',
    `Versions ${first} to ${last} of a stream of ${category} are no longer in the log, nor in the archive, so what came of them could not be applied again.`,
    { details: { category, first, last } },
  )
}
