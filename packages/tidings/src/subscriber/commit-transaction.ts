import { isTidingsError, TidingsError } from '../kernel/errors.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import type { CommitResult, Store } from '../store/store.ts'
import type { Attempt } from './attempt.ts'
import type { Work } from './handled.ts'
import type { Item } from './lane.ts'
import { deleteParked } from './parked-event.ts'
import { isFence, markId, marksCollection } from './partition-state.ts'
import { addStanding } from './standing.ts'

export interface Mark {
  readonly collection: string
  readonly id: string
}

export type TransactionOutcome =
  /** `mark`: what says so until the checkpoint does. */
  | { readonly status: 'committed'; readonly mark: Mark }
  /** The partition is somebody else's. */
  | { readonly status: 'lost' }
  | { readonly status: 'failed'; readonly error: unknown }

/** Ends a handler's own transaction: it takes its effects, its events and the mark along. Never rejects. */
export async function commitTransaction(
  store: Store,
  runtime: Runtime,
  item: Item,
  attempt: Attempt,
  work: Work,
): Promise<TransactionOutcome> {
  const { parked, partition } = item
  const mark: Mark = { collection: marksCollection, id: markId(partition, item.offset) }
  const committed: TransactionOutcome = { status: 'committed', mark }
  try {
    const { records, statements, expect = [], documents = [] } = attempt.unit(work)
    const result = await attempt.transaction?.commit({
      // The mark is asked for first: an attempt that follows one whose answer was lost finds it.
      expect: [{ ...mark, version: 0 }, partition.fence, ...expect],
      ...(records === undefined ? {} : { append: records }),
      ...(statements === undefined ? {} : { statements }),
      documents: [...documents, { ...mark, put: '{}' }, ...(parked === undefined ? [] : [deleteParked(parked)])],
    })
    if (result?.status === 'committed' && !result.repeated) return committed
    // Ids are looked at before anything else. What stands may have come with an attempt whose answer was lost; else the mark is not there.
    if (saysStored(result) && (await isMarked(store, mark))) return committed
    if (result?.status === 'committed') {
      // What the handler has done in its transaction is undone, so it is done anew; the rest of its unit must still become true.
      item.standing = addStanding(item.standing, records ?? [])
      return { status: 'failed', error: standsAlready() }
    }
    if (result?.status === 'refused') return { status: 'failed', error: result.error }
    const expectation = result?.expectation
    if (expectation !== undefined && 'collection' in expectation && expectation.collection === marksCollection)
      return committed
    if (expectation !== undefined && isFence(expectation)) return { status: 'lost' }
    return { status: 'failed', error: conflictOf(result) }
  } catch (error) {
    return (await wasCommitted(store, runtime, attempt, error, mark)) ? committed : { status: 'failed', error }
  }
}

/** Whether a commit that gave no answer was applied after all: its mark stands. Asks until the store speaks. */
async function wasCommitted(
  store: Store,
  runtime: Runtime,
  attempt: Attempt,
  error: unknown,
  mark: Mark,
): Promise<boolean> {
  if (!isTidingsError(error, 'TIDINGS_COMMIT_UNKNOWN')) return false
  for (let wait = 50; attempt.withdrawn === undefined; wait = Math.min(wait * 2, 2_000)) {
    try {
      return await isMarked(store, mark)
    } catch {
      await sleep(runtime, wait)
    }
  }
  return false
}

async function isMarked(store: Store, { collection, id }: Mark): Promise<boolean> {
  return (await store.find(collection, { id })).length > 0
}

/** Whether the store has not looked at the rest of a unit because events of it are stored. */
function saysStored(result: CommitResult | undefined): boolean {
  return result?.status === 'committed'
    ? result.repeated
    : result?.status === 'refused' && isTidingsError(result.error, 'TIDINGS_DUPLICATE_ID')
}

/** Takes an attempt back, at no attempt's cost. */
export function standsAlready(): TidingsError {
  return new TidingsError(
    'TIDINGS_CONFLICT',
    'The events that the handler has published under ids of its own stand already; it runs again, and its unit is committed without them.',
  )
}

/** What the handler is told of a conflict that concerns its own unit. */
export function conflictOf(answer: Extract<CommitResult, { status: 'conflict' }> | undefined): TidingsError {
  return new TidingsError(
    'TIDINGS_CONFLICT',
    'What the handler expected of the store was no longer so when it committed.',
    { details: answer === undefined ? {} : { expectation: answer.expectation, actual: answer.actual } },
  )
}
