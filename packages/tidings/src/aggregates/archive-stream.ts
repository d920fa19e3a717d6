import type { BusParts } from '../bus/bus-parts.ts'
import type { EventBus } from '../bus/event-bus.ts'
import { partsWithLog } from '../bus/parts-with-log.ts'
import { removeGone } from '../bus/remove-gone.ts'
import { passedByAll } from '../bus/retention.ts'
import { archiveDocuments } from '../bus/stream-archive.ts'
import { goneThrough, type KnownNote, putNote, unchangedNote } from '../bus/stream-note.ts'
import { toStructured } from '../events/cloudevents-json.ts'
import { TidingsError } from '../kernel/errors.ts'
import { partitionOf } from '../store/partitioner.ts'
import { type StoredEvent, type StreamName, streamText, type Unit } from '../store/store.ts'
import type { Aggregate } from './define-aggregate.ts'
import { streamFor } from './load.ts'
import { snapshotDocument } from './snapshots.ts'
import { readState } from './stream-state.ts'

export interface ArchiveOptions {
  /** Whose. Default: the tenant of the surroundings, else none. */
  readonly tenantId?: string
  /** How many of the latest events stay in the log. Default 0. */
  readonly keep?: number
  /** Given each event as a CloudEvent in JSON, one line each, before it leaves the log; where it rejects, nothing leaves. */
  readonly write?: (line: string) => unknown
}

export interface Archived {
  /** Events that have left the log by this call. */
  readonly archived: number
  /** All versions up to here are in the archive; 0: none. */
  readonly through: number
}

/** Events moved at a time. */
const page = 500

/**
 * Moves the beginning of a stream from the log to the archive: all that a snapshot covers (one is taken first), that every registered subscription and
 * replay has passed, and that nothing parked refers to. `load`, `decide` and `bus.store.readStream` read on through it; the log, and so new
 * subscriptions, do not see it any more. Rejects with `TIDINGS_INVALID_OPTION` for an aggregate without snapshots.
 */
export async function archiveStream<State>(
  bus: EventBus,
  aggregate: Aggregate<State>,
  key: string,
  options: ArchiveOptions = {},
): Promise<Archived> {
  const { keep = 0, tenantId } = options
  if (aggregate.snapshot === undefined)
    throw invalid(
      'snapshot',
      `of the aggregate ${aggregate.name} to be set: what leaves the log must be covered by one`,
    )
  if (!Number.isSafeInteger(keep) || keep < 0) throw invalid('keep', 'to be a whole number of at least 0')
  const parts = partsWithLog(bus, 'An aggregate')
  const stream = streamFor(aggregate, key, tenantId)
  return parts.enter(() => moveOut(parts, aggregate, stream, keep, options.write))
}

async function moveOut<State>(
  parts: BusParts,
  aggregate: Aggregate<State>,
  stream: StreamName,
  keep: number,
  write: ArchiveOptions['write'],
): Promise<Archived> {
  const { store } = parts
  const { state, version, known } = await readState(parts, aggregate, stream)
  const before = goneThrough(known.note)
  const passed = await passedByAll(store, partitionOf(streamText(stream), store.capabilities.partitions))
  // An earlier call may have died after its commit.
  if (known.note.removing !== undefined) {
    await removeGone(store, known)
    return moveOut(parts, aggregate, stream, keep, write)
  }
  if (version - keep <= before) return { archived: 0, through: known.note.archived }
  // Nothing is written of a stream that is deleted meanwhile.
  const expect = [unchangedNote(known)]
  await commit(parts, { expect, documents: [snapshotDocument(aggregate, stream, { state, at: version })] })
  let last: StoredEvent | undefined
  for (let from = before + 1; from <= version - keep; ) {
    const events = await store.readStream(stream, { from, limit: Math.min(page, version - keep - from + 1) })
    const free = events.filter(({ position }) => position <= passed)
    for (const { record } of free) await write?.(toStructured(record))
    if (free.length > 0) {
      last = free.at(-1) as StoredEvent
      await commit(parts, { expect, documents: archiveDocuments(free) })
      from = last.streamVersion + 1
    }
    if (free.length < events.length || events.length === 0) break
  }
  if (last === undefined) return { archived: 0, through: known.note.archived }
  const next: KnownNote = {
    version: known.version + 1,
    note: { ...known.note, archived: last.streamVersion, removing: last.position },
  }
  await commit(parts, putNote(known, next.note))
  await removeGone(store, next)
  return { archived: last.streamVersion - before, through: last.streamVersion }
}

async function commit({ store }: BusParts, unit: Unit): Promise<void> {
  const [result] = await store.commit([unit])
  if (result?.status === 'refused') throw result.error
  if (result?.status === 'conflict') {
    throw new TidingsError('TIDINGS_CONFLICT', 'Somebody else archives or deletes this stream at the same time.', {
      details: { actual: result.actual },
    })
  }
}

function invalid(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` ${rule}.`, { details: { field } })
}
