import { TidingsError } from '../kernel/errors.ts'
import type { DocumentChange, Store } from '../store/store.ts'
import { readDocuments } from './read-documents.ts'

/** Collection of what operators did; ids ascend with time. */
export const auditCollection = 'audit'

/** Collection of dropped events, by the ids of their parked documents, so that they are not taken for handled later. */
export const droppedCollection = 'dropped'

export type AuditAction =
  | 'redrive'
  | 'drop'
  | 'reveal'
  | 'replay'
  | 'resume'
  | 'saga'
  | 'schedule'
  | 'rebuild'
  | 'switch'
  | 'rollback'
  | 'cancel'

/** One action of an operator, as it is kept for good. Times are milliseconds since 1970. */
export interface AuditEntry {
  readonly id: string
  readonly at: number
  /** Who, as the face of the operations API knows them. */
  readonly by: string
  readonly action: AuditAction
  /** What was asked for, as it was given. */
  readonly filter: Readonly<Record<string, unknown>>
  /** How many events it was asked of; absent where that makes no sense. */
  readonly matched?: number
}

export interface DroppedMark {
  readonly by: string
  readonly at: number
  /** Id of the audit entry. */
  readonly action: string
}

export function auditChange({ id, ...entry }: AuditEntry): DocumentChange {
  return { collection: auditCollection, id, put: JSON.stringify(entry), index: { at: entry.at, by: entry.by } }
}

/** `parked` is the id of the parked document. */
export function droppedChange(parked: string, mark: DroppedMark): DocumentChange {
  return { collection: droppedCollection, id: parked, put: JSON.stringify(mark) }
}

export async function findDropped(store: Store, parked: string): Promise<DroppedMark | undefined> {
  const [document] = await store.find(droppedCollection, { id: parked })
  return document === undefined ? undefined : (JSON.parse(document.body) as DroppedMark)
}

export interface AuditQuery {
  /** Milliseconds since 1970, inclusive. */
  readonly since?: number
  /** Default 1,000. */
  readonly limit?: number
}

/** What operators did, oldest first. */
export async function auditTrail(
  store: Store,
  { since = 0, limit = 1_000 }: AuditQuery = {},
): Promise<readonly AuditEntry[]> {
  const entries: AuditEntry[] = []
  for await (const { id, body } of readDocuments(store, auditCollection)) {
    const entry = { id, ...(JSON.parse(body) as Omit<AuditEntry, 'id'>) }
    if (entry.at < since) continue
    entries.push(entry)
    if (entries.length >= limit) break
  }
  return entries
}

/** Returns `by`, or throws `TIDINGS_INVALID_OPTION`: one to 200 characters without control characters. */
export function checkedBy(by: string): string {
  if (typeof by === 'string' && by.length > 0 && by.length <= 200 && by.isWellFormed() && !/\p{Cc}/u.test(by)) return by
  throw new TidingsError(
    'TIDINGS_INVALID_OPTION',
    'Expected `by` to be 1 to 200 characters without control characters.',
    {
      details: { field: 'by' },
    },
  )
}
