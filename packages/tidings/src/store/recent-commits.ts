import { Ring } from '../kernel/ring.ts'
import { partitionOf } from './partitioner.ts'
import {
  type CommitResult,
  type LogQuery,
  type Page,
  type Position,
  type Store,
  type StoredEvent,
  streamText,
  type Unit,
} from './store.ts'

/** Streams whose partition is remembered, before all are forgotten. */
const mostStreams = 10_000

/**
 * The store, with the events that this process has just committed kept at hand: whoever reads the head of the log gets them as they
 * are, without asking the database, decoding, or verifying what never left the process. Positions without a gap between them
 * prove that nobody else has written in between; at the first gap it begins anew. `size`: most events kept.
 */
export function recentCommits(store: Store, size = 2_048): Store {
  const kept = new Ring<StoredEvent>()
  const partitions = new Map<string, number>()
  let last: Position = 0

  const partitionFor = (stream: string): number => {
    let partition = partitions.get(stream)
    if (partition === undefined) {
      if (partitions.size >= mostStreams) partitions.clear()
      partitions.set(stream, (partition = partitionOf(stream, store.capabilities.partitions)))
    }
    return partition
  }

  const note = (unit: Unit, result: CommitResult): void => {
    if (result.status !== 'committed' || result.repeated || unit.append === undefined) return
    for (let at = 0; at < unit.append.length; at++) {
      const record = unit.append[at] as StoredEvent['record']
      const { position, streamVersion } = result.events[at] as StoredEvent
      if (position !== last + 1) while (kept.size > 0) kept.shift()
      const stream = streamText(record)
      kept.push({ position, streamVersion, record, stream, partition: partitionFor(stream) })
      if (kept.size > size) kept.shift()
      last = position
    }
  }

  return {
    capabilities: store.capabilities,
    async commit(units) {
      const results = await store.commit(units)
      for (let at = 0; at < units.length; at++) note(units[at] as Unit, results[at] as CommitResult)
      return results
    },
    async readAll(query) {
      const first = kept.peek()?.position
      if (first === undefined || query.after < first - 1 || query.after >= last || !isPlace(query))
        return store.readAll(query)
      const near = readKept(kept, first, last, query)
      if (near.events.length >= query.limit || near.through >= (query.upTo ?? Number.POSITIVE_INFINITY)) return near
      // Others may have written behind it.
      const rest = await store.readAll({ ...query, after: near.through, limit: query.limit - near.events.length })
      return rest.events.length === 0
        ? { events: near.events, through: rest.through }
        : { events: [...near.events, ...rest.events], through: rest.through }
    },
    readStream: (stream, query) => store.readStream(stream, query),
    find: (collection, query) => store.find(collection, query),
    watch: (wake) => store.watch(wake),
    async prune(query) {
      while (kept.size > 0) kept.shift()
      return store.prune(query)
    },
    close: () => store.close(),
  }
}

/** Whether a query asks only for what the kept events can be judged by. */
function isPlace(query: LogQuery): boolean {
  return (
    query.id === undefined &&
    query.correlation === undefined &&
    query.causation === undefined &&
    query.tenant === undefined &&
    query.from === undefined &&
    query.to === undefined
  )
}

function readKept(kept: Ring<StoredEvent>, first: Position, last: Position, query: LogQuery): Page {
  const events: StoredEvent[] = []
  const end = Math.min(last, query.upTo ?? last)
  let through = query.after
  for (let position = query.after + 1; position <= end && events.length < query.limit; position++) {
    const stored = kept.at(position - first) as StoredEvent
    through = position
    if (query.partitions !== undefined && !query.partitions.includes(stored.partition)) continue
    if (query.types !== undefined && !query.types.includes(stored.record.type)) continue
    if (query.categories !== undefined && !query.categories.includes(stored.record.category)) continue
    events.push(stored)
  }
  return { events, through }
}
