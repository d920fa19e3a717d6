import { type BusParts } from '../bus/bus-parts.ts'
import { keepTypes } from '../bus/kept-types.ts'
import { readWholeStream } from '../bus/read-whole-stream.ts'
import { goneThrough, type KnownNote, readNote } from '../bus/stream-note.ts'
import type { AnyEventDefinition } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Store, StoredEvent, StreamName } from '../store/store.ts'
import { decode } from '../subscriber/decode.ts'
import type { Aggregate } from './define-aggregate.ts'
import { fold } from './fold.ts'
import { readSnapshot } from './snapshots.ts'

/** A stream as far as it has been read. */
export interface StreamState<State> {
  readonly state: State
  readonly version: number
  /** The version of the snapshot it was built on, 0 for none. */
  readonly taken: number
  readonly known: KnownNote
}

export interface ReadStateOptions<State> {
  /** Up to this version. Default: to the end. */
  readonly upTo?: number | undefined
  /** What was read before; only what is new is read. */
  readonly base?: StreamState<State> | undefined
  /** Whether snapshots are passed over. Default false. */
  readonly afresh?: boolean | undefined
  /** Sees to it that these types are kept. Default: `holdTypes`. */
  readonly hold?: ((types: Iterable<string>) => Promise<void>) | undefined
}

type Parts = Pick<BusParts, 'store' | 'log' | 'reading'>

/**
 * Rebuilds the state of a stream: from a snapshot that counts, else from the beginning, through the archive where the log has let events go. Rejects with
 * `TIDINGS_HISTORY_GONE` where an event is missing, and with whatever says that an event cannot be read here.
 */
export async function readState<State>(
  parts: Parts,
  aggregate: Aggregate<State>,
  stream: StreamName,
  options: ReadStateOptions<State> = {},
): Promise<StreamState<State>> {
  const { store } = parts
  const { upTo = Number.POSITIVE_INFINITY, hold = (types) => holdTypes(store, aggregate, types) } = options
  const [known, snapshot] = await Promise.all([
    readNote(store, stream),
    options.base !== undefined || options.afresh === true ? undefined : readSnapshot(parts, aggregate, stream),
  ])
  const { note } = known
  // A stream that was deleted meanwhile begins anew.
  const base = options.base?.known.version === known.version ? options.base : undefined
  const kept = snapshot !== undefined && snapshot.at > note.deleted && snapshot.at <= upTo ? snapshot : undefined
  let state = base?.state ?? kept?.state ?? aggregate.initial(stream.key)
  let version = base?.version ?? kept?.at ?? note.deleted
  const types = new Set<string>()
  reading: for await (const events of readWholeStream(store, stream, note, { from: version + 1 })) {
    for (const stored of events) {
      if (stored.streamVersion > upTo) break reading
      if (stored.streamVersion !== version + 1) throw historyGone(stream, version + 1, stored.streamVersion - 1)
      version++
      types.add(stored.record.type)
      const event = readEvent(parts, aggregate, stored)
      state = fold(aggregate, state, event instanceof Promise ? await event : event, version)
    }
  }
  const least = Math.min(upTo, goneThrough(note))
  if (version < least) throw historyGone(stream, version + 1, least)
  if (types.size > 0) await hold(types)
  return { state, version, taken: base?.taken ?? kept?.at ?? note.deleted, known }
}

export function historyGone({ category }: StreamName, first: number, last: number): TidingsError {
  return new TidingsError(
    'TIDINGS_HISTORY_GONE',
    `Versions ${first} to ${last} of a stream of ${category} are no longer in the log, nor in the archive, so its state cannot be rebuilt.`,
    { details: { category, first, last } },
  )
}

const noDefinitions: ReadonlyMap<string, AnyEventDefinition> = new Map()

/** An event in the shape that its definition has today. Its schema is not asked again: it was when the event was written. */
function readEvent(
  { reading }: Parts,
  { definitions = noDefinitions }: Aggregate,
  stored: StoredEvent,
): Event<unknown> | Promise<Event<unknown>> {
  const { partition, position, stream, record } = stored
  const delivery = { partition, offset: position, stream, record }
  return decode(delivery, { definitions }, { ...reading, validate: false })
}

/** By store and category: types that are known to be kept. */
const held = new WeakMap<Store, Map<string, Set<string>>>()

/** Whether it is known that no retention removes events of these types. */
export function isHeld(store: Store, { category }: Aggregate, types: Iterable<string>): boolean {
  const known = held.get(store)?.get(category)
  return known !== undefined && [...types].every((type) => known.has(type))
}

/** Sees to it that no retention removes events of these types; costs nothing once it is known. */
export async function holdTypes(store: Store, aggregate: Aggregate, types: Iterable<string>): Promise<void> {
  const { category, definitions } = aggregate
  const wanted = new Set(types)
  if (isHeld(store, aggregate, wanted)) return
  let categories = held.get(store)
  if (categories === undefined) held.set(store, (categories = new Map()))
  const all = [...new Set([...(categories.get(category) ?? []), ...(definitions?.keys() ?? []), ...wanted])]
  await keepTypes(store, category, all)
  categories.set(category, new Set(all))
}
