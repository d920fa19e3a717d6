import assert from 'node:assert/strict'

import {
  type CommitResult,
  type EventRecord,
  isTidingsError,
  type Placed,
  type Store,
  type StoredEvent,
  type StreamName,
  streamText,
  type Unit,
} from 'tidings/spi'

export const order: StreamName = { tenant: '', category: 'order', key: 'o-1' }

export function orderStream(key: string): StreamName {
  return { tenant: '', category: 'order', key }
}

/** Calls again, with the same ids, where the answer is not known: as every caller of a store must. */
async function persist(store: Store, units: readonly Unit[]): Promise<readonly CommitResult[]> {
  for (let left = 3; ; left--) {
    try {
      return await store.commit(units)
    } catch (error) {
      if (left === 0 || !isTidingsError(error, 'TIDINGS_COMMIT_UNKNOWN')) throw error
    }
  }
}

/** Commits units and insists that each was committed; answers where their events stand, unit by unit. */
export async function commitAll(store: Store, units: readonly Unit[]): Promise<readonly (readonly Placed[])[]> {
  const results = await persist(store, units)
  assert.equal(results.length, units.length, 'one answer for each unit')
  return results.map(placesOf)
}

/** Commits one unit and insists. */
export async function commitOne(store: Store, unit: Unit): Promise<readonly Placed[]> {
  return (await commitAll(store, [unit]))[0] ?? []
}

export async function commitStatus(store: Store, unit: Unit): Promise<CommitResult> {
  const [result] = await persist(store, [unit])
  assert.ok(result, 'an answer for the unit')
  return result
}

export function placesOf(result: CommitResult): readonly Placed[] {
  assert.equal(result.status, 'committed', result.status === 'refused' ? `refused: ${result.error.message}` : undefined)
  return (result as CommitResult & { status: 'committed' }).events.map(({ position, streamVersion }) => ({
    position,
    streamVersion,
  }))
}

/** Every event of the log, page by page, as a reader that trusts `through` sees it. */
export async function readLog(
  store: Store,
  query: Partial<Parameters<Store['readAll']>[0]> = {},
): Promise<StoredEvent[]> {
  const events: StoredEvent[] = []
  for (let after = query.after ?? 0; ; ) {
    const page = await store.readAll({ limit: 1_000, ...query, after })
    events.push(...page.events)
    assert.ok(page.through >= after, '`through` never falls')
    if (page.through === after) return events
    after = page.through
  }
}

export function streamOf(one: EventRecord): string {
  return streamText(one)
}
