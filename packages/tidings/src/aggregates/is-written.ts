import type { Published } from '../publisher/publisher.ts'
import { type Store, streamText } from '../store/store.ts'
import type { Completed } from './complete-events.ts'

/**
 * Whether a decision is what the log holds, at the versions it was made for. It is not where somebody else has carried out the same command meanwhile,
 * over another state or with another outcome: a store that finds events standing under the ids of the command answers so before it looks at versions.
 */
export async function isWritten(
  store: Store,
  { after }: Completed,
  { receipts, records, repeated }: Published,
): Promise<boolean> {
  if (!repeated) return true
  const versions = new Map(after.map(({ text, base }) => [text, base.version]))
  for (const [at, record] of records.entries()) {
    const text = streamText(record)
    const version = (versions.get(text) ?? 0) + 1
    if (receipts[at]?.streamVersion !== version) return false
    versions.set(text, version)
  }
  for (const record of records) {
    const { events } = await store.readAll({ after: 0, limit: 100, id: record.id })
    const stored = events.find((one) => one.record.source === record.source)
    // Gone again, such as by retention: nobody can tell what it was.
    if (stored?.record.checksum !== record.checksum) return false
  }
  return true
}
