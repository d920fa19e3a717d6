import type { EventRecord } from '../../events/record.ts'
import { Ring } from '../../kernel/ring.ts'
import { partitionOf } from '../partitioner.ts'
import {
  type Placed,
  type Position,
  type Pruned,
  type PruneQuery,
  type StoredEvent,
  type StreamName,
  type StreamQuery,
  streamText,
} from '../store.ts'

interface Stream {
  readonly text: string
  readonly partition: number
  version: number
  /** Those not pruned, in version order, behind `gone` empty places. */
  events: (StoredEvent | undefined)[]
  gone: number
}

/**
 * The log of the memory store. Ids of fresh events are indexed only when somebody asks for an id, because drawing an id and
 * hashing it costs more than everything else here.
 */
export class MemoryLog {
  readonly #partitions: number
  readonly #streams = new Map<string, Map<string, Map<string, Stream>>>()
  readonly #ids = new Map<string, StoredEvent>()
  /** Index 0 holds position #first. */
  readonly #events = new Ring<StoredEvent | undefined>()
  #first: Position = 1
  #indexedThrough: Position = 0

  constructor(partitions: number) {
    this.#partitions = partitions
  }

  get first(): Position {
    return this.#first
  }

  get last(): Position {
    return this.#first + this.#events.size - 1
  }

  at(position: Position): StoredEvent | undefined {
    return this.#events.at(position - this.#first)
  }

  versionOf(name: StreamName): number {
    return this.#streams.get(name.tenant)?.get(name.category)?.get(name.key)?.version ?? 0
  }

  append(records: readonly EventRecord[]): readonly Placed[] {
    const placed = new Array<Placed>(records.length)
    for (let at = 0; at < records.length; at++) {
      const record = records[at] as EventRecord
      const stream = this.#streamOf(record)
      const stored: StoredEvent = {
        position: this.last + 1,
        streamVersion: ++stream.version,
        record,
        stream: stream.text,
        partition: stream.partition,
      }
      stream.events.push(stored)
      this.#events.push(stored)
      placed[at] = stored
    }
    return placed
  }

  /** Undefined: none of them is stored. Their places: all are. `mixed`: some are, or one comes twice in the unit. */
  findRepeated(records: readonly EventRecord[]): readonly Placed[] | 'mixed' | undefined {
    if (records.every((record) => record.fresh === true)) return undefined
    this.#index()
    const found = records.map((record) => this.#ids.get(idKey(record)))
    const known = found.filter((stored) => stored !== undefined)
    if (known.length === 0) return new Set(records.map(idKey)).size === records.length ? undefined : 'mixed'
    return known.length === records.length ? known : 'mixed'
  }

  readStream(name: StreamName, query: StreamQuery): readonly StoredEvent[] {
    const stream = this.#streams.get(name.tenant)?.get(name.category)?.get(name.key)
    if (stream === undefined) return []
    const limit = query.limit ?? 500
    const from = query.from
    const kept = stream.events.slice(stream.gone) as StoredEvent[]
    if (query.reverse === true) {
      const end = from === undefined ? kept.length : firstAfter(kept, from)
      return kept.slice(Math.max(0, end - limit), end).toReversed()
    }
    const start = from === undefined ? 0 : firstAfter(kept, from - 1)
    return kept.slice(start, start + limit)
  }

  prune(query: PruneQuery): Pruned {
    const only = query.stream === undefined ? undefined : streamText(query.stream)
    let removed = 0
    let more = false
    for (let position = this.#first; position <= Math.min(query.through, this.last); position++) {
      const stored = this.at(position)
      if (stored === undefined || !this.#prunable(stored, query, only)) continue
      if (removed === query.limit) {
        more = true
        break
      }
      this.#events.set(position - this.#first, undefined)
      forget(this.#streamOf(stored.record), stored)
      if (position <= this.#indexedThrough) this.#ids.delete(idKey(stored.record))
      removed++
    }
    while (this.#events.size > 0 && this.#events.peek() === undefined) {
      this.#events.shift()
      this.#first++
    }
    this.#indexedThrough = Math.max(this.#indexedThrough, this.#first - 1)
    return { removed, more }
  }

  #prunable(stored: StoredEvent, query: PruneQuery, only: string | undefined): boolean {
    return (
      (query.before === undefined || stored.record.time < query.before) &&
      (query.types === undefined || query.types.includes(stored.record.type)) &&
      query.exceptTypes?.includes(stored.record.type) !== true &&
      (query.source === undefined || stored.record.source === query.source) &&
      (query.exceptSource === undefined || stored.record.source !== query.exceptSource) &&
      (only === undefined || stored.stream === only)
    )
  }

  #index(): void {
    for (let position = Math.max(this.#indexedThrough + 1, this.#first); position <= this.last; position++) {
      const stored = this.at(position)
      if (stored !== undefined) this.#ids.set(idKey(stored.record), stored)
    }
    this.#indexedThrough = this.last
  }

  #streamOf(record: EventRecord): Stream {
    let categories = this.#streams.get(record.tenant)
    if (categories === undefined) this.#streams.set(record.tenant, (categories = new Map()))
    let keys = categories.get(record.category)
    if (keys === undefined) categories.set(record.category, (keys = new Map()))
    let stream = keys.get(record.key)
    if (stream === undefined) {
      const text = streamText(record)
      keys.set(
        record.key,
        (stream = { text, partition: partitionOf(text, this.#partitions), version: 0, events: [], gone: 0 }),
      )
    }
    return stream
  }
}

function forget(stream: Stream, stored: StoredEvent): void {
  if (stream.events[stream.gone] !== stored) {
    stream.events = stream.events.filter((kept) => kept !== stored && kept !== undefined)
    stream.gone = 0
    return
  }
  stream.events[stream.gone++] = undefined
  // Moving the rest each time would make pruning a long stream quadratic.
  if (stream.gone > 32 && stream.gone * 2 > stream.events.length) {
    stream.events = stream.events.slice(stream.gone)
    stream.gone = 0
  }
}

function idKey(record: EventRecord): string {
  return `${record.source}\n${record.id}`
}

/** Index of the first event whose version is above `version`. Pruning may leave holes anywhere, so versions are searched for. */
function firstAfter(events: readonly StoredEvent[], version: number): number {
  let low = 0
  let high = events.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((events[middle] as StoredEvent).streamVersion <= version) low = middle + 1
    else high = middle
  }
  return low
}
