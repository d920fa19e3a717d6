import type { StoredEvent, StreamName, StreamQuery } from 'tidings/spi'

import { streamId, uuidText } from '../commit/identities.ts'
import type { Reader } from '../connect/reader.ts'
import { limitOf, wholeOf } from '../limit-of.ts'
import type { Relations } from '../relations.ts'
import { eventColumns, eventFrom } from './event-rows.ts'

const defaultLimit = 500

/** One page of a stream, by its versions. */
export async function readStream(
  reader: Reader,
  { events }: Relations,
  name: StreamName,
  query: StreamQuery,
): Promise<readonly StoredEvent[]> {
  const limit = limitOf(query.limit ?? defaultLimit)
  const [compare, order, furthest] = query.reverse === true ? ['<=', 'desc', Number.MAX_SAFE_INTEGER] : ['>=', 'asc', 0]
  const from = wholeOf('from', query.from ?? furthest)
  if (limit === 0) return []
  const rows = await reader.rows(
    `select ${eventColumns} from ${events} e where e.stream = $1 and e.stream_version ${compare} $2
     order by e.stream_version ${order} limit $3`,
    [uuidText(streamId(name)), from, limit],
  )
  return rows.map((row) => eventFrom(row, 0))
}
