import type { EventRecord } from '../events/record.ts'
import type { Unit } from '../store/store.ts'
import type { HandlerContext } from './handler-context.ts'

/** What is still being gathered to be committed, by a handler or a transaction, as those rooms see it that join more to it. */
export interface OpenUnit {
  readonly publish: HandlerContext['publish']
  /** Whether a replay gathers it. */
  readonly replay: boolean
  /** What it publishes so far. Places of events that are still being prepared, or repeat others, are empty. */
  readonly records: readonly (EventRecord | undefined)[] | undefined
  /** Whether it holds a transaction of the store open. On SQLite, which has one writer, any other commit waits for it. */
  readonly holding: boolean
  /** Joins documents, and what must still be so at the commit. Throws `TIDINGS_WITHDRAWN` once nothing more is gathered. */
  join(more: Pick<Unit, 'expect' | 'documents'>): void
}
