import type { Json } from '../events/plain.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { DocumentChange, Expectation, StoredDocument } from '../store/store.ts'

/** Collection of sagas, one document each. Ids: definition/tenant/key, each escaped. */
export const sagasCollection = 'sagas'

/**
 * Where a saga stands.
 *   `early`         not begun: an event that it will wait for came before the one that starts it
 *   `running`       on its way
 *   `compensating`  taking back what was begun, the last first
 *   `done`          an end: every step is done
 *   `compensated`   an end: everything begun is taken back
 *   `stuck`         an end until an operator says otherwise: a compensation has failed for good
 */
export const sagaStatuses = ['early', 'running', 'compensating', 'done', 'compensated', 'stuck'] as const

export type SagaStatus = (typeof sagaStatuses)[number]

/**
 * Where one step, or one effect, stands. `by` is the event whose handling makes the call: who hears it again after a crash makes it again, nobody else.
 * A step without a state has not begun.
 */
export type StepState =
  | { readonly is: 'running'; readonly tries: number; readonly by: string; readonly since: number }
  | { readonly is: 'retrying'; readonly tries: number; readonly error: string }
  | { readonly is: 'waiting'; readonly since: number }
  | { readonly is: 'done'; readonly at: number }
  | { readonly is: 'failed'; readonly tries: number; readonly error: string }
  /** What it waits for is not waited for any longer, or what it wanted written came too late, since the saga compensates. */
  | { readonly is: 'stopped' }
  /** A later version of the definition has it at a place that this saga had passed. */
  | { readonly is: 'skipped' }
  | { readonly is: 'undoing'; readonly tries: number; readonly by: string; readonly since: number }
  | { readonly is: 'undo-retrying'; readonly tries: number; readonly error: string }
  | { readonly is: 'undone'; readonly at: number }
  | { readonly is: 'undo-failed'; readonly tries: number; readonly error: string }

/**
 * What a timer is for: the saga as a whole, an awaited event, another try of a step or of its compensation, a call whose end nobody tells any longer, or
 * one of the saga's own.
 */
export type TimerPurpose = 'saga' | 'wait' | 'retry' | 'undo' | 'lost' | 'own'

export interface SagaTimer {
  readonly what: TimerPurpose
  /** The step, or the name of the saga's own timer; empty for the saga's. */
  readonly of: string
  /** Wall time, milliseconds since 1970. */
  readonly at: number
  /** Tells this timer from all others of the same saga. */
  readonly seq: number
}

/** An event as a saga remembers it. */
export interface RememberedEvent {
  readonly type: string
  /** source/id. */
  readonly event: string
  readonly data: Json
  readonly at: number
}

export interface SagaChange {
  /** `status`, `steps.profile`, `timers.wait:profile`, `state.total` … */
  readonly path: string
  /** Absent: it was not there. */
  readonly from?: Json
  readonly to?: Json
}

export interface SagaHistoryEntry {
  readonly at: number
  /** Type of the event that was handled. */
  readonly type: string
  /** source/id of it. */
  readonly event: string
  readonly changes: readonly SagaChange[]
}

/** Why a saga compensates, or has. */
export interface SagaReason {
  readonly what: 'timeout' | 'step' | 'cancelled' | 'failed'
  readonly step?: string
  readonly message: string
}

/** The state of one saga, as it is kept. Times are milliseconds since 1970. */
export interface SagaDocument {
  readonly format: 1
  readonly saga: string
  /** Version of the definition that changed it last. */
  readonly version: number
  /** Empty where there is none. */
  readonly tenant: string
  readonly key: string
  /** From 1; a key whose saga has ended may start another one. */
  readonly run: number
  readonly status: SagaStatus
  readonly startedAt: number
  readonly changedAt: number
  readonly endedAt?: number
  /** source/id of the event that started it; empty while `early`. */
  readonly startedBy: string
  /** How its timers and the keys of its calls are named; see `lifeOf`. Absent: by the run alone, as earlier releases have begun it. */
  readonly named?: 'start'
  readonly correlation?: string
  readonly user?: string
  /** Data of the event that started it. */
  readonly data: Json
  readonly reason?: SagaReason
  readonly steps: Readonly<Record<string, StepState>>
  /** What steps and effects have returned. */
  readonly results: Readonly<Record<string, Json>>
  /** Data of the events that steps have waited for. */
  readonly heard: Readonly<Record<string, Json>>
  /** Steps and effects whose compensation is registered, in the order in which they began. */
  readonly begun: readonly string[]
  /** Events that came before their step waited for them. */
  readonly early: readonly RememberedEvent[]
  /** Events that were applied by a commit of their own and may be heard again; the last ones. */
  readonly applied: readonly string[]
  readonly timers: Readonly<Record<string, SagaTimer>>
  /** Number of the last timer. */
  readonly seq: number
  /** Of sagas that react: their own state. */
  readonly state?: Json
  readonly history: readonly SagaHistoryEntry[]
  /** Entries of the history that made room for later ones. */
  readonly forgotten: number
}

/** Id of its document. */
export function sagaId({ saga, tenant, key }: Pick<SagaDocument, 'saga' | 'tenant' | 'key'>): string {
  return `${saga}/${encodeURIComponent(tenant)}/${encodeURIComponent(key)}`
}

/**
 * Tells one saga from all others, those of the same key included: in calls outside, whose receivers remember, and in timers. The run alone does not, for
 * once `keep` has passed nobody knows how many there were.
 */
export function lifeOf(saga: SagaDocument): string {
  return saga.named === 'start' ? `${sagaId(saga)}/${saga.run}/${saga.startedBy}` : `${sagaId(saga)}/${saga.run}`
}

/** Whether it has an end, and no operator can change that. */
export function hasEnded({ status }: Pick<SagaDocument, 'status'>): boolean {
  return status === 'done' || status === 'compensated'
}

/** `gone`: when nobody needs it any longer; undefined: it stays. */
export function putSaga(document: SagaDocument, gone: number | undefined): DocumentChange {
  const { status, changedAt, saga } = document
  return {
    collection: sagasCollection,
    id: sagaId(document),
    put: JSON.stringify(document),
    index: {
      [`is:${status}`]: changedAt,
      [`is:${status}:${saga}`]: changedAt,
      ...(gone === undefined ? {} : { gone }),
    },
  }
}

export function deleteSaga(id: string): DocumentChange {
  return { collection: sagasCollection, id, delete: true }
}

/** The saga stands as it was read; 0: there is none. */
export function unchangedSaga(id: string, version: number): Expectation {
  return { collection: sagasCollection, id, version }
}

/** Throws `TIDINGS_UPGRADE_NEEDED` for a form that a later release has written, `TIDINGS_STORE_CORRUPT` for what is no saga. */
export function readSaga({ id, body }: Pick<StoredDocument, 'id' | 'body'>): SagaDocument {
  let read: unknown
  try {
    read = JSON.parse(body)
  } catch (error) {
    throw corrupt(id, error)
  }
  if (typeof read !== 'object' || read === null) throw corrupt(id)
  const { format, status, steps } = read as { format?: unknown; status?: unknown; steps?: unknown }
  if (typeof format === 'number' && format > 1)
    throw new TidingsError(
      'TIDINGS_UPGRADE_NEEDED',
      `A saga is kept in form ${format}, which a later release has written; this one knows form 1.`,
      { details: { saga: id.slice(0, 200), format } },
    )
  if (format !== 1 || !sagaStatuses.includes(status as SagaStatus) || typeof steps !== 'object' || steps === null)
    throw corrupt(id)
  return read as SagaDocument
}

function corrupt(id: string, cause?: unknown): TidingsError {
  return new TidingsError('TIDINGS_STORE_CORRUPT', 'The document of a saga cannot be read.', {
    cause,
    details: { collection: sagasCollection, id: id.slice(0, 200) },
  })
}
