import { type StoredEvent, streamText } from 'tidings/spi'

import type { TextRow } from '../connect/link.ts'

const names = [
  'position',
  'stream_version',
  'partition',
  'time',
  'priority',
  'id',
  'source',
  'type',
  'version',
  'tenant',
  'category',
  'key',
  'correlation',
  'causation',
  'encoding',
  'checksum',
  'seal',
  'context',
  'data',
  'bytes',
]

/** What `select` must name, in this order, for a row to become an event. */
export const eventColumns: string = names.map((name) => `e.${name}`).join(', ')

/** Makes an event of a row whose columns from `first` on are `eventColumns`. */
export function eventFrom(row: TextRow, first: number): StoredEvent {
  const text = (at: number): string => row[first + at] as string
  const [tenant, category, key, id] = [text(9), text(10), text(11), text(5)]
  const data = row[first + 18]
  return {
    position: Number(text(0)),
    streamVersion: Number(text(1)),
    record: {
      id,
      source: text(6),
      type: text(7),
      version: text(8),
      category,
      key,
      tenant,
      time: Number(text(3)),
      priority: Number(text(4)),
      correlation: row[first + 12] ?? id,
      causation: text(13),
      context: text(17),
      data: data ?? bytesOf(text(19)),
      encoding: text(14),
      checksum: text(15),
      seal: text(16),
    },
    stream: streamText({ tenant, category, key }),
    partition: Number(text(2)),
  }
}

/** `bytea` as text: a backslash, an x, and hexadecimal digits. */
function bytesOf(text: string): Uint8Array {
  return Buffer.from(text.slice(2), 'hex')
}
