import {
  type CommitResult,
  type DocumentQuery,
  type Host,
  type LogQuery,
  type Page,
  type Pruned,
  type PruneQuery,
  type Store,
  type StoreCapabilities,
  type StoredDocument,
  type StoredEvent,
  type StreamName,
  type StreamQuery,
  TidingsError,
  type Unit,
} from 'tidings/spi'

import type { Connection } from '../connection/connection.ts'
import type { ServerFacts } from '../connection/server-facts.ts'
import type { RedisSettings } from '../redis-options.ts'
import { UnitCommitter } from './commit/commit-units.ts'
import { DocumentReader } from './documents/find-documents.ts'
import { KeepWithin } from './keep/keep-within.ts'
import { prune } from './log/prune.ts'
import { LogReader } from './log/read-all.ts'
import { readStream } from './log/read-stream.ts'
import type { StoreKeys } from './store-keys.ts'
import { WakeUp } from './wake-up.ts'

export interface RedisStoreParts {
  readonly settings: RedisSettings
  readonly host: Host
  readonly connection: Connection
  readonly keys: StoreKeys
  readonly facts: ServerFacts
  readonly partitions: number
  readonly born: string
  /** Whether streams of which nothing is left stop counting their versions. */
  readonly forget: boolean
  /** Whether events are as old as they have been here, not as their own time says. */
  readonly byArrival: boolean
}

/** A store in Redis. Everything that changes is one script, so that it happens whole or not at all. Open, then closing, then closed. */
export class RedisStore implements Store {
  readonly capabilities: StoreCapabilities
  /** What the server survives, as it was set up when the store was opened. */
  readonly durability: ServerFacts['durability']
  /** The name it was given when it was made: another one under the same keys has another. */
  readonly born: string
  readonly #parts: RedisStoreParts
  readonly #committer: UnitCommitter
  readonly #log: LogReader
  readonly #documents: DocumentReader
  readonly #wakeUp: WakeUp
  readonly #keep: KeepWithin
  readonly #running = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(parts: RedisStoreParts) {
    const { settings, host, connection, keys, facts, partitions, born } = parts
    this.capabilities = Object.freeze({
      name: 'redis',
      // It outlives its processes in any case; what the server itself outlives, `durability` tells.
      durability: 'store',
      sharing: 'network',
      sql: 'none',
      partitions,
      // A server that waits for its disk waits once for many.
      commitsAtOnce: facts.durability === 'always' ? 1 : 2,
    })
    this.durability = facts.durability
    this.born = born
    this.#parts = parts
    const self = host.runtime.id()
    this.#committer = new UnitCommitter({ connection, host, keys, born, self, partitions, maxBytes: settings.maxBytes })
    this.#log = new LogReader(connection, keys, partitions, born)
    this.#documents = new DocumentReader(connection, keys)
    this.#wakeUp = new WakeUp({ settings: settings.connection, host, channel: keys.wake, self })
    this.#keep = new KeepWithin({ ...parts, keep: settings.keep, stopped: () => this.#closing !== undefined })
  }

  commit(units: readonly Unit[]): Promise<readonly CommitResult[]> {
    return this.#run(async () => {
      const results = await this.#committer.commit(units)
      if (results.some(hasWritten)) this.#wakeUp.committed()
      if (this.#parts.settings.keep.perStream !== undefined) this.#note(units, results)
      return results
    })
  }

  readStream(stream: StreamName, query: StreamQuery = {}): Promise<readonly StoredEvent[]> {
    return this.#run(() => readStream(this.#parts.connection, this.#parts.keys, stream, query))
  }

  readAll(query: LogQuery): Promise<Page> {
    return this.#run(() => this.#log.read(query))
  }

  find(collection: string, query: DocumentQuery = {}): Promise<readonly StoredDocument[]> {
    return this.#run(() => this.#documents.find(collection, query))
  }

  watch(wake: () => void): () => void {
    return this.#wakeUp.add(wake)
  }

  prune(query: PruneQuery): Promise<Pruned> {
    return this.#run(() => prune({ ...this.#parts, stopped: () => this.#closing !== undefined }, query))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #note(units: readonly Unit[], results: readonly CommitResult[]): void {
    for (const [at, result] of results.entries()) {
      if (result.status !== 'committed' || result.repeated) continue
      for (const [event, { streamVersion }] of result.events.entries())
        this.#keep.appended(units[at]?.append?.[event] as StreamName, streamVersion)
    }
  }

  async #close(): Promise<void> {
    this.#wakeUp.close()
    this.#running.add(this.#keep.close())
    await this.#parts.connection.close(Promise.allSettled(this.#running))
  }

  #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(closed())
    const running = work()
    this.#running.add(running)
    const end = (): void => void this.#running.delete(running)
    running.then(end, end)
    return running
  }
}

function hasWritten(result: CommitResult): boolean {
  return result.status === 'committed' && !result.repeated
}

function closed(): TidingsError {
  return new TidingsError('TIDINGS_CLOSED', 'The Redis store is closed.')
}
