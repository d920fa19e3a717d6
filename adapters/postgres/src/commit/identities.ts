import { hash } from 'node:crypto'

import { LRUCache } from 'lru-cache'
import { partitionOf, type StreamName, streamText } from 'tidings/spi'

/** Streams whose identity is remembered. */
const kept = 20_000

const unknownVersion = -1

/** What a stream is called in the tables: the first half of SHA-256 over its name, so that no name is too long for an index. */
export interface StreamIdentity {
  readonly stream: Buffer
  readonly partition: number
  /** How far it had come when the log stood at the head of this era. */
  version: number
  era: number
}

/**
 * The streams that a store writes most, and how far they have come. The versions are right for as long as nobody else appends: whoever
 * does moves the head of the log, and the server compares it under the lock. Then all of them are forgotten.
 */
export class StreamIdentities {
  readonly #partitions: number
  readonly #kept = new LRUCache<string, StreamIdentity>({ max: kept })
  #era = 1
  #head = unknownVersion

  constructor(partitions: number) {
    this.#partitions = partitions
  }

  /** Where the log stood when what is remembered was so. */
  get head(): number {
    return this.#head
  }

  of(text: string): StreamIdentity {
    let identity = this.#kept.get(text)
    if (identity === undefined) {
      identity = { stream: half(text), partition: partitionOf(text, this.#partitions), version: 0, era: 0 }
      this.#kept.set(text, identity)
    }
    return identity
  }

  versionOf({ version, era }: StreamIdentity): number {
    return era === this.#era ? version : unknownVersion
  }

  /** A commit went from one head to another; only what is known to stand may be told here. */
  moved(from: number, to: number): void {
    if (from !== this.#head) this.#era++
    this.#head = to
  }

  /** How far a stream has come at the head that `moved` has named. */
  remember(identity: StreamIdentity, version: number): void {
    identity.version = version
    identity.era = this.#era
  }

  /** Another server may answer next, and not know the last commits of this one. */
  forget(): void {
    this.#era++
    this.#head = unknownVersion
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
