import { isTidingsError, TidingsError } from '../kernel/errors.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import type { Store } from '../store/store.ts'
import type { Attempt } from './attempt.ts'
import type { Work } from './handled.ts'
import type { Item } from './lane.ts'
import { deleteParked, parkedCollection, parkedId } from './parked-event.ts'
import { fencesCollection, markId, marksCollection } from './partition-state.ts'

export type TransactionOutcome =
  /** `mark`: what says so until the checkpoint does; undefined for a parked event, whose document is gone. */
  | { readonly status: 'committed'; readonly mark: { readonly collection: string; readonly id: string } | undefined }
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
  const mark = parked === undefined ? { collection: marksCollection, id: markId(partition, item.offset) } : undefined
  const committed: TransactionOutcome = { status: 'committed', mark }
  try {
    const result = await attempt.transaction?.commit({
      // The mark is asked for first: an attempt that follows one whose answer was lost finds it.
      expect: [...(mark === undefined ? [] : [{ ...mark, version: 0 }]), partition.fence, ...(work.expect ?? [])],
      ...(attempt.records === undefined ? {} : { append: attempt.records }),
      ...(attempt.statements === undefined ? {} : { statements: attempt.statements }),
      documents: [
        ...(work.documents ?? []),
        ...(mark === undefined ? [] : [{ ...mark, put: '{}' }]),
        ...(parked === undefined ? [] : [deleteParked(parked)]),
      ],
    })
    if (result?.status === 'committed') return committed
    if (result?.status === 'refused') return { status: 'failed', error: result.error }
    const expectation = result?.expectation
    if (expectation !== undefined && 'collection' in expectation && expectation.collection === marksCollection)
      return committed
    if (expectation !== undefined && 'collection' in expectation && expectation.collection === fencesCollection) {
      return { status: 'lost' }
    }
    const error = new TidingsError(
      'TIDINGS_CONFLICT',
      'What the handler expected of the store was no longer so when it committed.',
    )
    return { status: 'failed', error }
  } catch (error) {
    return (await wasCommitted(store, runtime, attempt, error, mark, parked === undefined ? '' : parkedId(parked)))
      ? committed
      : { status: 'failed', error }
  }
}

/** Whether a commit that gave no answer was applied after all: its mark stands, or its parked document is gone. Asks until the store speaks. */
async function wasCommitted(
  store: Store,
  runtime: Runtime,
  attempt: Attempt,
  error: unknown,
  mark: { readonly collection: string; readonly id: string } | undefined,
  parked: string,
): Promise<boolean> {
  if (!isTidingsError(error, 'TIDINGS_COMMIT_UNKNOWN')) return false
  for (let wait = 50; attempt.withdrawn === undefined; wait = Math.min(wait * 2, 2_000)) {
    try {
      return mark === undefined
        ? (await store.find(parkedCollection, { id: parked })).length === 0
        : (await store.find(mark.collection, { id: mark.id })).length > 0
    } catch {
      await sleep(runtime, wait)
    }
  }
  return false
}
