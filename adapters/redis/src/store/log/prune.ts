import { type Host, type Position, type Pruned, type PruneQuery, type StoredEvent, TidingsError } from 'tidings/spi'

import type { Connection, Reply } from '../../connection/connection.ts'
import type { StoreKeys } from '../store-keys.ts'
import { scanFilters } from './log-filters.ts'
import { readStream } from './read-stream.ts'
import { removeScript } from './remove-script.ts'
import { scanScript } from './scan-script.ts'
import { arrivalOf, eventsOf } from './stored-entry.ts'

const during = 'Pruning'

/** Events that one script removes, and entries that one looks at. */
const oneStep = 250
const oneScan = 1_024

export interface PruneOptions {
  readonly connection: Connection
  readonly keys: StoreKeys
  readonly host: Host
  /** Whether streams of which nothing is left stop counting their versions, which gives their memory back. */
  readonly forget: boolean
  /** Whether `before` means when an event came, where its entry says so, and not its own time. */
  readonly byArrival: boolean
  /** Whether to give up between two steps. */
  readonly stopped: () => boolean
}

interface Found {
  readonly events: readonly StoredEvent[]
  /** Where looking ended; undefined: nothing more can match. */
  readonly next: Position | undefined
}

/**
 * Removes up to `limit` events that match, oldest first, in steps between which others have their turn. `untilNone`: ends at the first stretch of the
 * log where nothing matches.
 */
export async function prune(
  options: PruneOptions,
  query: PruneQuery,
  { untilNone = false }: { readonly untilNone?: boolean } = {},
): Promise<Pruned> {
  const { host, stopped } = options
  if (query.types?.length === 0 || !(query.limit > 0)) return { removed: 0, more: false }
  let removed = 0
  for (let place = 0; ; ) {
    const found = await (query.stream === undefined
      ? nextOfLog(options, query, place)
      : nextOfStream(options, query, place))
    const doomed = found.events.slice(0, query.limit - removed)
    if (doomed.length > 0) removed += await remove(options, doomed)
    if (doomed.length < found.events.length) return { removed, more: true }
    if (found.next === undefined || (untilNone && doomed.length === 0)) return { removed, more: false }
    if (stopped()) return { removed, more: true }
    place = found.next
    await new Promise<void>((resolve) => host.runtime.defer(resolve))
  }
}

async function nextOfLog(options: PruneOptions, query: PruneQuery, after: Position): Promise<Found> {
  const { connection, keys, byArrival } = options
  const { before, types } = query
  const filters = scanFilters({ ...(types && { types }), ...(before !== undefined && !byArrival && { to: before }) }, 1)
  if (before !== undefined && byArrival) filters.push('came', String(before))
  const args = [after, query.through, oneStep, oneScan, 4_194_304].map((number) => String(Math.floor(number)))
  const reply = await connection.run(scanScript, [keys.log, keys.meta], [...args, 'head', '', ...filters], during)
  const [end, count, entries] = reply as readonly [string, number, readonly Reply[]]
  const next = Number(end) >= query.through || count === 0 ? undefined : Number(end)
  return { events: entries.flatMap((entry) => doomedOf(options, query, entry)), next }
}

async function nextOfStream({ connection, keys }: PruneOptions, query: PruneQuery, from: number): Promise<Found> {
  const stream = query.stream as NonNullable<PruneQuery['stream']>
  const events = await readStream(connection, keys, stream, { from, limit: oneStep })
  const last = events.at(-1)
  return {
    events: events.filter((event) => doomedBy(query, event)),
    next:
      last === undefined || events.length < oneStep || last.position >= query.through
        ? undefined
        : last.streamVersion + 1,
  }
}

/** The event of an entry, if it is to go. Damaged ones stay: whoever reads the log says what is wrong with them. */
function doomedOf({ byArrival }: PruneOptions, query: PruneQuery, entry: Reply): readonly StoredEvent[] {
  try {
    const arrived = byArrival ? arrivalOf(entry) : undefined
    return eventsOf([entry]).filter((event) => doomedBy(query, event, arrived))
  } catch (error) {
    if (!(error instanceof TidingsError)) throw error
    return []
  }
}

function doomedBy(
  { through, before, types, exceptTypes, source, exceptSource }: PruneQuery,
  { position, record }: StoredEvent,
  time = record.time,
): boolean {
  return (
    position <= through &&
    (before === undefined || time < before) &&
    (types === undefined || types.includes(record.type)) &&
    exceptTypes?.includes(record.type) !== true &&
    (source === undefined || record.source === source) &&
    (exceptSource === undefined || record.source !== exceptSource)
  )
}

async function remove({ connection, keys, forget }: PruneOptions, events: readonly StoredEvent[]): Promise<number> {
  const args = events.flatMap(({ position, record, stream, streamVersion }) => [
    String(position),
    record.id,
    record.source,
    stream,
    String(streamVersion),
  ])
  const reply = await connection.run(
    removeScript,
    [keys.log, keys.ids, keys.streams],
    [keys.prefix, forget ? 'forget' : 'keep', ...args],
    during,
  )
  return Number(reply)
}
