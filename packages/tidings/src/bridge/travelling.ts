import type { EventRecord } from '../events/record.ts'
import { plainRecord } from '../events/record-codec.ts'

/**
 * A record as it is between processes. What holds in the process that made it does not travel: its event need not be decoded, and nobody has
 * seen its id.
 */
export function travelling(record: EventRecord): EventRecord {
  if (record.event === undefined && record.fresh === undefined) return record
  const { event: _event, fresh: _fresh, ...plain } = plainRecord(record)
  return plain
}
