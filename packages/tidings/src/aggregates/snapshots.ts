import { hash } from 'node:crypto'

import type { BusParts } from '../bus/bus-parts.ts'
import { snapshotsCollection } from '../bus/snapshot-documents.ts'
import { type KnownNote, ofStream, unchangedNote } from '../bus/stream-note.ts'
import { plain } from '../events/plain.ts'
import type { DocumentChange, StoredDocument, StreamName } from '../store/store.ts'
import type { Aggregate } from './define-aggregate.ts'

/** A state and the version of the stream at which it was so. */
export interface Snapshot<State> {
  readonly state: State
  readonly at: number
}

interface SnapshotBody {
  /** Of the aggregate that has taken it. */
  readonly version: number
  readonly at: number
  /** JSON text. */
  readonly state: string
  /** SHA-256 in base64url over the rest, and over whose it is. */
  readonly checksum: string
}

/** The last snapshot that this version of the aggregate has taken; undefined where there is none that can be read and trusted. */
export async function readSnapshot<State>(
  { store, log }: Pick<BusParts, 'store' | 'log'>,
  aggregate: Aggregate<State>,
  stream: StreamName,
): Promise<Snapshot<State> | undefined> {
  if (aggregate.snapshot === undefined) return undefined
  const id = snapshotId(aggregate, stream)
  const [document] = await store.find(snapshotsCollection, { id })
  if (document === undefined) return undefined
  try {
    return opened(aggregate, id, document)
  } catch (error) {
    // The events are the truth: whatever is wrong here costs time and nothing else.
    log('warn', 'A snapshot cannot be used; its stream is read from the beginning', {
      aggregate: aggregate.name,
      error: (error as Error).message,
    })
    return undefined
  }
}

/** The document that keeps a state. Throws where the state is not JSON data. */
export function snapshotDocument<State>(
  aggregate: Aggregate<State>,
  stream: StreamName,
  { state, at }: Snapshot<State>,
): DocumentChange {
  const id = snapshotId(aggregate, stream)
  const { version } = aggregate
  const text = JSON.stringify(plain(aggregate.snapshot?.save(state)))
  const body: SnapshotBody = { version, at, state: text, checksum: checksumOf(id, version, at, text) }
  return { collection: snapshotsCollection, id, put: JSON.stringify(body) }
}

/** Whether a decision that has led to `version` should leave one, the last being `taken`. */
export function isDue(aggregate: Aggregate, version: number, taken: number): boolean {
  return aggregate.snapshot !== undefined && version - taken >= aggregate.snapshot.every
}

/**
 * Takes one beside what goes on; a failure is logged and changes nothing else. It is for the stream as it is known: where somebody has deleted it since,
 * nothing is kept of it.
 */
export function takeSnapshot<State>(
  { committer, log }: Pick<BusParts, 'committer' | 'log'>,
  aggregate: Aggregate<State>,
  stream: StreamName,
  snapshot: Snapshot<State>,
  known: KnownNote,
): void {
  const failed = (error: unknown): void =>
    log('error', 'A snapshot could not be taken; the state is rebuilt from events', {
      aggregate: aggregate.name,
      error: (error as Error).message,
    })
  try {
    const unit = { expect: [unchangedNote(known)], documents: [snapshotDocument(aggregate, stream, snapshot)] }
    // Whoever is slow may put an older one in the place of a newer: that one is true as well.
    committer.commit(unit, 3).then((result) => {
      if (result.status === 'refused') failed(result.error)
    }, failed)
  } catch (error) {
    failed(error)
  }
}

function opened<State>(aggregate: Aggregate<State>, id: string, document: StoredDocument): Snapshot<State> | undefined {
  const { version, at, state, checksum } = JSON.parse(document.body) as SnapshotBody
  if (version !== aggregate.version) return undefined
  if (!Number.isSafeInteger(at) || at < 1 || checksum !== checksumOf(id, version, at, state))
    throw new Error('its checksum does not match')
  return { state: aggregate.snapshot?.restore(JSON.parse(state) as never) as State, at }
}

function snapshotId(aggregate: Aggregate, stream: StreamName): string {
  return ofStream(stream) + aggregate.name
}

function checksumOf(id: string, version: number, at: number, state: string): string {
  return hash('sha256', `${id}\n${version}\n${at}\n${state}`, 'base64url')
}
