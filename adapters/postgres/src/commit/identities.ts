import { hash } from 'node:crypto'

import { LRUCache } from 'lru-cache'
import { partitionOf, type StreamName, streamText } from 'tidings/spi'

/** Streams whose identity is remembered. */
const kept = 20_000

/** What a stream is called in the tables: the first half of SHA-256 over its name, so that no name is too long for an index. */
export interface StreamIdentity {
  readonly stream: Buffer
  readonly partition: number
}

/** Remembers the streams that a store writes most. */
export class StreamIdentities {
  readonly #partitions: number
  readonly #kept = new LRUCache<string, StreamIdentity>({ max: kept })

  constructor(partitions: number) {
    this.#partitions = partitions
  }

  of(text: string): StreamIdentity {
    let identity = this.#kept.get(text)
    if (identity === undefined) {
      identity = { stream: half(text), partition: partitionOf(text, this.#partitions) }
      this.#kept.set(text, identity)
    }
    return identity
  }
}

export function streamId(name: StreamName): Buffer {
  return half(streamText(name))
}

export function documentId(collection: string, id: string): Buffer {
  return half(`${collection.length}:${collection}${id}`)
}

/** All values of one index of one collection. */
export function indexSpace(collection: string, name: string): Buffer {
  return half(`${collection.length}:${collection}${name}`)
}

/** As PostgreSQL reads a uuid. */
export function uuidText(bytes: Buffer): string {
  return bytes.toString('hex')
}

function half(text: string): Buffer {
  return hash('sha256', text, 'buffer').subarray(0, 16)
}
