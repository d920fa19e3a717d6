import { isSqlStore } from '../store/sql-store.ts'
import type { DocumentChange, Expectation, Store } from '../store/store.ts'
import { checkpointsCollection } from '../subscriber/partition-state.ts'
import { type Generation, liveOf, type Parity, type ProjectionState, subscriptionName } from './generation.ts'
import { type Grant, grantsQuery, switchViews } from './generation-sql.ts'
import type { HoldHost, Level } from './hold.ts'
import type { GenerationProgress } from './progress.ts'
import { readState, replaceState } from './state-store.ts'
import { switchTo } from './transitions.ts'

export interface SwitchHost extends HoldHost {
  /** How long what readers saw is kept, in milliseconds. */
  readonly keep: number
}

export interface SwitchWith {
  readonly parity?: Parity | undefined
  /** What else changes in the projection's document. */
  readonly after?: (state: ProjectionState) => ProjectionState
  readonly documents?: readonly DocumentChange[] | undefined
}

/**
 * Switches by one commit: the views, and what the projection's document says, while both generations stand where they were seen. False where they moved, or
 * somebody else was faster.
 */
export async function switchAt(
  { store, runtime, name, keep }: SwitchHost,
  level: Level,
  { parity, after = (state) => state, documents }: SwitchWith = {},
): Promise<boolean> {
  const { next, live } = level
  const both = await level.still()
  if (both === undefined) return false
  const { state, version } = await readState(store, name)
  if (state === undefined || liveOf(state)?.number !== live.number || state.hold?.by !== level.by) return false
  if (!state.generations.some((one) => one.number === next.number && one.state !== 'leaving')) return false
  return replaceState(store, after(switchTo(state, next.number, { now: runtime.now(), keep, parity })), version, {
    statements: await switchStatements(store, live, next),
    documents,
    expect: [...unmoved(name, next, both.next), ...unmoved(name, live, both.live)],
  })
}

export async function switchStatements(
  store: Store,
  live: Generation,
  next: Generation,
): Promise<ReturnType<typeof switchViews> | undefined> {
  if (!isSqlStore(store) || live.tables.length + next.tables.length === 0) return undefined
  const { sql: dialect } = store.capabilities
  const asks = dialect === 'postgres' && live.shape !== next.shape && live.tables.length > 0
  const rows = asks ? await store.query(grantsQuery(live.tables)) : []
  const grants = rows.map((row): Grant => ({ table: String(row.table_name), grantee: String(row.grantee) }))
  return switchViews(dialect, live, next, grants)
}

/** What must still be so at the commit: nothing was applied since. */
function unmoved(projection: string, { number }: Generation, { versions }: GenerationProgress): Expectation[] {
  return versions.map((version, partition) => ({
    collection: checkpointsCollection,
    id: `${subscriptionName(projection, number)}/0/${partition}`,
    version,
  }))
}
