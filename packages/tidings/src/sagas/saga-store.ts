import type { EventRecord } from '../events/record.ts'
import { isTidingsError } from '../kernel/errors.ts'
import { sleep } from '../kernel/runtime.ts'
import type { Committer } from '../publisher/committer.ts'
import { UnitClaims } from '../publisher/unit-claims.ts'
import type { DocumentChange, Expectation, Store, Unit } from '../store/store.ts'
import type { Attempt } from '../subscriber/attempt.ts'
import type { Gathered } from './saga-call.ts'
import { hasEnded, putSaga, readSaga, type SagaDocument, sagasCollection, unchangedSaga } from './saga-document.ts'
import { nextDue, type SagaTimersHost, timerChanges } from './saga-timers.ts'

export interface SagaStoreHost extends SagaTimersHost {
  readonly store: Store
  readonly committer: Committer
  readonly runtime: Parameters<typeof sleep>[0]
  /** How long a saga that was never begun, and one that has ended, is kept. Milliseconds. */
  readonly early: number
  readonly keep: number
  /** A timer is due at this wall time. */
  scheduled(at: number): void
}

/** A saga as the store has it. */
export interface KeptSaga {
  readonly id: string
  /** 0: there is none. */
  readonly version: number
  readonly document: SagaDocument | undefined
}

/** Nothing that a function of the user wants written. */
export const nothing: Gathered = Object.freeze({ published: [], statements: [] })

export async function loadSaga({ store }: Pick<SagaStoreHost, 'store'>, id: string): Promise<KeptSaga> {
  const [found] = await store.find(sagasCollection, { id })
  return found === undefined
    ? { id, version: 0, document: undefined }
    : { id, version: found.version, document: readSaga(found) }
}

/** What must be written, and still be so, that the saga becomes `after`. */
async function change(
  host: SagaStoreHost,
  kept: KeptSaga,
  after: SagaDocument,
): Promise<{ readonly expect: readonly Expectation[]; readonly documents: readonly DocumentChange[] }> {
  const gone =
    after.status === 'early'
      ? after.changedAt + host.early
      : hasEnded(after)
        ? (after.endedAt ?? after.changedAt) + host.keep
        : undefined
  return {
    expect: [unchangedSaga(kept.id, kept.version)],
    // What is kept for ever is in no index.
    documents: [
      putSaga(after, Number.isFinite(gone) ? gone : undefined),
      ...(await timerChanges(host, kept.document, after)),
    ],
  }
}

/** Joins the change to the unit that marks the event handled. Where somebody else changes the saga first, the event is handled anew. */
export async function joinChange(
  host: SagaStoreHost,
  attempt: Attempt,
  kept: KeptSaga,
  after: SagaDocument,
  { published, statements }: Gathered = nothing,
): Promise<void> {
  attempt.join(await change(host, kept, after))
  const claimed = await claim(host, published)
  attempt.join(claimed.claims)
  if (claimed.records.length > 0) (attempt.records ??= []).push(...claimed.records)
  for (const statement of statements) attempt.write(statement)
  const due = nextDue(kept.document, after)
  if (due !== undefined) host.scheduled(due)
}

/**
 * Commits the change now. Undefined: somebody else was faster, or nobody knows what became of it; read the saga again. Throws what the store says of a
 * unit that it will never take.
 */
export async function commitChange(
  host: SagaStoreHost,
  attempt: Attempt,
  kept: KeptSaga,
  after: SagaDocument,
  { published, statements }: Gathered = nothing,
): Promise<KeptSaga | undefined> {
  const { expect, documents } = await change(host, kept, after)
  const claimed = await claim(host, published)
  const unit = {
    expect: [...expect, ...claimed.claims.expect],
    documents: [...documents, ...claimed.claims.documents],
    ...(statements.length === 0 ? {} : { statements }),
  } satisfies Unit
  const { records } = claimed
  const promised = [...unit.documents, ...host.publisher.promises(records)]
  let result = await attempt.commitNow(records.length === 0 ? unit : { ...unit, documents: promised, append: records })
  if (result.status === 'committed' && result.repeated) {
    // Its events stand already, so nothing was written: by an earlier try, or because the function gave them ids that are taken.
    if ((await loadSaga(host, kept.id)).version !== kept.version) return undefined
    result = await attempt.commitNow(unit)
  }
  if (result.status === 'refused') throw result.error
  if (result.status === 'conflict') return undefined
  const due = nextDue(kept.document, after)
  if (due !== undefined) host.scheduled(due)
  if (result.events.length > 0) await host.publisher.heard(records, result.events)
  return { id: kept.id, version: kept.version + 1, document: after }
}

/** Waits a moment before the store is asked again; rejects when the attempt has been withdrawn, or for what no waiting helps against. */
export async function waitForStore(
  { runtime }: Pick<SagaStoreHost, 'runtime'>,
  attempt: Attempt,
  error: unknown,
  tries: number,
): Promise<void> {
  if (!isTidingsError(error, 'TIDINGS_STORE_UNAVAILABLE') && !isTidingsError(error, 'TIDINGS_COMMIT_UNKNOWN'))
    throw error
  await sleep(runtime, Math.min(2_000, 50 * 2 ** tries) * (0.5 + runtime.random()), attempt.signal)
}

/** Leaves out what repeats an event whose type asks for each content once. */
async function claim(
  { publisher }: SagaStoreHost,
  published: Gathered['published'],
): Promise<{ readonly records: readonly EventRecord[]; readonly claims: UnitClaims }> {
  const claims = new UnitClaims()
  const records: EventRecord[] = []
  for (const { record, once } of published)
    if (!once || (await publisher.claim(record, claims)) === undefined) records.push(record)
  return { records, claims }
}
