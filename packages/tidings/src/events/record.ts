import { createHash, hash } from 'node:crypto'

import type { Event } from './event.ts'

/**
 * An event as stores keep it and transports move it: its attributes, and the bytes that were encoded once.
 * Whoever holds a record may read any field at any time; a fresh one encodes itself when first asked.
 */
export interface EventRecord {
  readonly id: string
  readonly source: string
  readonly type: string
  /** Semantic version; empty for legacy events. */
  readonly version: string
  readonly category: string
  readonly key: string
  /** Empty where there is none. */
  readonly tenant: string
  /** Milliseconds since 1970. */
  readonly time: number
  /** 0 critical … 3 low. */
  readonly priority: number
  readonly correlation: string
  /** Empty for a first cause. */
  readonly causation: string
  /** The rest of the context as JSON text; empty where there is none. */
  readonly context: string
  /** JSON text, or bytes where `encoding` says so. Empty where an event from elsewhere carries no data at all. */
  readonly data: string | Uint8Array
  /** How `data` was wrapped after encoding: empty, or `gzip` or `zstd`. */
  readonly encoding: string
  /** SHA-256 in base64url over the attributes and data as stored (see `checksumOf`). */
  readonly checksum: string
  /** Name of a key, a dot, and its Ed25519 signature over the checksum in base64url; empty where the bus does not seal. */
  readonly seal: string
  /** The event this was made from, where it never left the process; spares decoding. */
  readonly event?: Event<unknown>
  /** True where the id was drawn for this very call, so that nobody can have stored it before. Stores may skip looking. */
  readonly fresh?: boolean
}

/**
 * The checksum of a record: SHA-256 over the attributes below joined by line feeds, one more line feed, and the data.
 * No attribute may hold a control character, so no two records read alike.
 */
export function checksumOf(record: Omit<EventRecord, 'checksum' | 'seal'>): string {
  const head =
    `${record.id}\n${record.source}\n${record.type}\n${record.version}\n${record.category}\n${record.key}\n${record.tenant}\n` +
    `${record.time}\n${record.correlation}\n${record.causation}\n${record.encoding}\n${record.context}\n`
  return typeof record.data === 'string'
    ? hash('sha256', head + record.data, 'base64url')
    : createHash('sha256').update(head).update(record.data).digest('base64url')
}
