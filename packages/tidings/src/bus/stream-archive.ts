import { hash } from 'node:crypto'

import { fromStructured, toStructured } from '../events/cloudevents-json.ts'
import type { EventRecord } from '../events/record.ts'
import { TidingsError } from '../kernel/errors.ts'
import { partitionOf } from '../store/partitioner.ts'
import type { DocumentChange, Position, Store, StoredDocument, StoredEvent, StreamName } from '../store/store.ts'
import { streamText } from '../store/store.ts'
import { ofStream } from './stream-note.ts'

export const archiveCollection = 'archive'

/** A run of a stream's events that have left the log, without gaps. */
interface ArchivedEvents {
  readonly first: number
  /** Where each stood in the log. */
  readonly positions: readonly Position[]
  /** Each as a CloudEvent in JSON. */
  readonly events: readonly string[]
}

/** Most events of one document. */
const chunk = 100

/** Documents read at a time. */
const page = 20

/** The documents that keep these events, which follow one another. Writing the same again changes nothing. */
export function archiveDocuments(events: readonly StoredEvent[]): readonly DocumentChange[] {
  const documents: DocumentChange[] = []
  for (let at = 0; at < events.length; at += chunk) {
    const some = events.slice(at, at + chunk)
    const [first] = some as [StoredEvent]
    const archived: ArchivedEvents = {
      first: first.streamVersion,
      positions: some.map(({ position }) => position),
      events: some.map(({ record }) => toStructured(record)),
    }
    documents.push({
      collection: archiveCollection,
      id: archiveId(first.record, first.streamVersion),
      put: JSON.stringify(archived),
      index: Object.fromEntries(
        some.filter(({ record }) => isFirst(record)).map(({ record }) => [commandIndex(record.source, record.id), 1]),
      ),
    })
  }
  return documents
}

/** Whether an event may be the first that a command has led to: the decisions of the room `aggregates` name events by their command. */
function isFirst({ id }: Pick<EventRecord, 'id'>): boolean {
  return id.endsWith('/1')
}

/** An index of its own for each, so that one document can be found by many. */
function commandIndex(source: string, id: string): string {
  return `command/${hash('sha256', `${source}\n${id}`, 'base64url')}`
}

/** Whether the archive holds the first event of a command. */
export async function isCommandArchived(store: Store, source: string, commandId: string): Promise<boolean> {
  const by = { index: commandIndex(source, `${commandId}/1`), equal: 1 }
  return (await store.find(archiveCollection, { by, limit: 1 })).length > 0
}

/**
 * What the archive holds of a stream from a version on, up to one inclusive, in version order, a few documents at a time. Somebody who died while moving
 * events may have left documents that hold the same ones, or some that never left the log.
 */
export async function* readArchive(
  store: Store,
  stream: StreamName,
  from: number,
  through: number,
): AsyncGenerator<readonly StoredEvent[]> {
  let next = from
  for (let after: string | undefined; ; ) {
    const found = await store.find(archiveCollection, {
      prefix: ofStream(stream),
      limit: page,
      ...(after === undefined ? {} : { after }),
    })
    for (const document of found) {
      const events = archivedEvents(store, stream, document).filter(
        ({ streamVersion }) => streamVersion >= next && streamVersion <= through,
      )
      if (events.length === 0) continue
      next = (events.at(-1) as StoredEvent).streamVersion + 1
      yield events
    }
    after = found.at(-1)?.id
    if (found.length < page) return
  }
}

/** Ids of all documents that the archive keeps of a stream, which begin at or below a version. */
export async function archivedIds(
  store: Store,
  stream: StreamName,
  upTo: number = Number.MAX_SAFE_INTEGER,
): Promise<readonly string[]> {
  const ids: string[] = []
  const last = archiveId(stream, upTo)
  for (let after: string | undefined; ; ) {
    const query = { prefix: ofStream(stream), limit: page, ...(after === undefined ? {} : { after }) }
    const found = (await store.find(archiveCollection, query)).map(({ id }) => id)
    // All of one stream, and so of one length.
    ids.push(...found.filter((id) => id <= last))
    after = found.at(-1)
    if (after === undefined || found.length < page || after > last) return ids
  }
}

/** Ids order by version. */
function archiveId(stream: StreamName, first: number): string {
  return ofStream(stream) + String(first).padStart(16, '0')
}

function archivedEvents(store: Store, stream: StreamName, document: StoredDocument): readonly StoredEvent[] {
  const text = streamText(stream)
  const partition = partitionOf(text, store.capabilities.partitions)
  try {
    const { first, positions, events } = JSON.parse(document.body) as ArchivedEvents
    return events.map((line, at) => ({
      record: fromStructured(line, { now: 0 }),
      position: positions[at] as Position,
      streamVersion: first + at,
      stream: text,
      partition,
    }))
  } catch (error) {
    throw new TidingsError('TIDINGS_STORE_CORRUPT', 'A document of the archive cannot be read.', {
      cause: error,
      details: { collection: archiveCollection, category: stream.category },
    })
  }
}
