import { inboxCollection, readPlace } from '../bridge/inbox-place.ts'
import type { Store } from '../store/store.ts'
import { readDocuments } from './read-documents.ts'

/** What a group has taken in from a broker's log, over all its instances. Queues keep their own count, at the broker. */
export interface InboxOverview {
  readonly group: string
  /** Partitions of the broker that it has begun with. */
  readonly partitions: number
  /** Since the group began: events stored, deliveries known already, and those that could not be taken in. */
  readonly received: number
  readonly duplicates: number
  readonly dead: number
  /** When an event was last taken in, milliseconds since 1970; absent where none was. */
  readonly lastAt?: number
  /** How old the last event was when it was taken in, in milliseconds; absent where none was. */
  readonly lastAge?: number
}

/** All groups that this store has taken events in for, in order of name. */
export async function inboxOverview(store: Store): Promise<readonly InboxOverview[]> {
  const groups = new Map<string, { -readonly [Name in keyof InboxOverview]: InboxOverview[Name] }>()
  for await (const { id, body } of readDocuments(store, inboxCollection)) {
    const slash = id.lastIndexOf('/')
    if (slash === -1) continue
    const group = id.slice(0, slash)
    const { offset, received, duplicates, dead, lastAt, lastAge } = readPlace(body)
    let sum = groups.get(group)
    if (sum === undefined) groups.set(group, (sum = { group, partitions: 0, received: 0, duplicates: 0, dead: 0 }))
    if (offset >= 0) sum.partitions++
    sum.received += received
    sum.duplicates += duplicates
    sum.dead += dead
    if (lastAt > (sum.lastAt ?? 0)) {
      sum.lastAt = lastAt
      sum.lastAge = lastAge
    }
  }
  return [...groups.values()].sort((a, b) => (a.group < b.group ? -1 : 1))
}
