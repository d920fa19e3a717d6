import type { DatabaseSync, StatementSync } from 'node:sqlite'

import { LRUCache } from 'lru-cache'
import { partitionOf, type StreamName, streamText } from 'tidings/spi'

/** Streams whose id and version are remembered between commits. */
const kept = 20_000

/** A stream as its writer knows it. */
export interface Stream {
  readonly id: number
  readonly partition: number
  version: number
}

/** The streams of a connection that writes. Right only inside a transaction, and until somebody else has written: then `forget`. */
export class Streams {
  readonly #partitions: number
  readonly #flush: () => void
  readonly #known = new LRUCache<string, Stream>({ max: kept })
  readonly #select: StatementSync
  readonly #insert: StatementSync

  /** `flush` writes the events that are on their way, so that they are counted. */
  constructor(db: DatabaseSync, partitions: number, flush: () => void) {
    this.#partitions = partitions
    this.#flush = flush
    this.#select = db.prepare(
      `select s.id, s.partition, max(s.pruned, ifnull((select max(e.stream_version) from tidings_events e where e.stream = s.id), 0))
       from tidings_streams s where s.tenant = ? and s.category = ? and s.key = ?`,
      { returnArrays: true },
    )
    this.#insert = db.prepare('insert into tidings_streams (tenant, category, key, partition) values (?, ?, ?, ?)')
  }

  forget(): void {
    this.#known.clear()
  }

  /** How far a stream has come; 0 where it is unknown. */
  versionOf(name: StreamName): number {
    const text = streamText(name)
    return (this.#known.get(text) ?? this.#find(name, text))?.version ?? 0
  }

  /** The stream to append to, made where it is new. `unheard`: its key was drawn just now, so that nobody can have made it. */
  open(name: StreamName, unheard: boolean): Stream {
    const text = streamText(name)
    return this.#known.get(text) ?? (unheard ? undefined : this.#find(name, text)) ?? this.#make(name, text)
  }

  #find(name: StreamName, text: string): Stream | undefined {
    this.#flush()
    const row = this.#select.get(name.tenant, name.category, name.key) as unknown as
      | [number, number, number]
      | undefined
    if (row === undefined) return undefined
    const stream: Stream = { id: row[0], partition: row[1], version: row[2] }
    this.#known.set(text, stream)
    return stream
  }

  #make(name: StreamName, text: string): Stream {
    const partition = partitionOf(text, this.#partitions)
    const id = Number(this.#insert.run(name.tenant, name.category, name.key, partition).lastInsertRowid)
    const stream: Stream = { id, partition, version: 0 }
    this.#known.set(text, stream)
    return stream
  }
}
