import { type StoredEvent, type StreamName, type StreamQuery, streamText } from 'tidings/spi'

import type { Connection, Reply } from '../../connection/connection.ts'
import type { StoreKeys } from '../store-keys.ts'
import { eventsOf } from './stored-entry.ts'
import { streamScript } from './stream-script.ts'

/** One page of a stream. Where an entry is damaged, what stands before it; where it is the first, throws TIDINGS_STORE_CORRUPT. */
export async function readStream(
  connection: Connection,
  keys: StoreKeys,
  stream: StreamName,
  { from, limit = 500, reverse = false }: StreamQuery,
): Promise<readonly StoredEvent[]> {
  if (!(limit > 0)) return []
  const name = streamText(stream)
  const entries = await connection.run(
    streamScript,
    [keys.log, keys.streams, listKey(keys, name)],
    [name, from === undefined ? '' : String(from), String(Math.min(limit, 1_000_000)), reverse ? 'reverse' : ''],
    'Reading a stream',
  )
  return eventsOf(entries as readonly Reply[])
}

/** Where the positions of a stream's events are, once it has had more than one. */
export function listKey(keys: StoreKeys, stream: string): string {
  return `${keys.prefix}stream:${stream}`
}
