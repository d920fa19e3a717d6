import { buildEvent } from '../events/event.ts'
import { type Json, plain } from '../events/plain.ts'
import type { EventRecord } from '../events/record.ts'
import { recordOf } from '../events/record-codec.ts'
import { operatorsSource } from '../events/type-pattern.ts'
import { type Duration, milliseconds } from '../kernel/duration.ts'
import { TidingsError } from '../kernel/errors.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import type { SagaDocument } from '../sagas/saga-document.ts'
import { type SagaAsked, sagaEvents } from '../sagas/saga-events.ts'
import type { Store } from '../store/store.ts'
import { auditChange, checkedBy } from './audit.ts'
import { entryOf, type SagaEntry } from './saga-listing.ts'
import { findSaga, type SagaName } from './show-saga.ts'

export interface AskSagaOptions {
  /** Who asks, for the audit and the saga's history. Default `operator`. */
  readonly by?: string | undefined
  /** How long to wait until the saga has taken it up. Default 0: ask and leave. */
  readonly deadline?: Duration | undefined
}

export interface AskedSaga {
  /** Whether the saga has taken it up within the deadline; else it does as soon as somebody runs it. */
  readonly taken: boolean
  /** How it stands now. */
  readonly saga: SagaEntry
  /** Id of the audit entry. */
  readonly audit: string
}

/** Time between looks, in milliseconds. */
const every = 50

/**
 * Asks something of a saga by an event that its subscription hears, together with the audit's entry. Rejects with `TIDINGS_NOT_FOUND` for no saga, and
 * with `TIDINGS_CONFLICT` where it stands in a way that makes the request pointless.
 */
export async function askSaga(
  store: Store,
  runtime: Runtime,
  name: SagaName,
  ask: SagaAsked['ask'],
  options: AskSagaOptions = {},
): Promise<AskedSaga> {
  const by = checkedBy(options.by ?? 'operator')
  const until = runtime.monotonic() + milliseconds(options.deadline ?? 0, 'deadline')
  const saga = await findSaga(store, name)
  const why = pointless(saga, ask)
  if (why !== undefined)
    throw new TidingsError('TIDINGS_CONFLICT', `The saga cannot be asked to ${ask.what}: ${why}.`, {
      details: { saga: saga.saga, status: saga.status },
    })
  const record = recordFor(runtime, saga, { saga: saga.saga, key: saga.key, run: saga.run, by, ask })
  const audit = runtime.id()
  const filter = { ...name, ...ask, ...('data' in ask ? { data: undefined } : {}) }
  const documents = [auditChange({ id: audit, at: runtime.now(), by, action: 'saga', filter })]
  const [result] = await store.commit([{ append: [record], documents }])
  if (result?.status === 'refused') throw result.error
  const event = `${record.source}/${record.id}`
  for (;;) {
    const now = await findSaga(store, name)
    const taken = now.run !== saga.run || now.history.some((entry) => entry.event === event)
    if (taken || runtime.monotonic() >= until) return { taken, saga: entryOf(now), audit }
    await sleep(runtime, Math.min(every, Math.max(1, until - runtime.monotonic())))
  }
}

export function checkedData(data: unknown): Json {
  return data === undefined ? null : plain(data as Json)
}

function pointless(saga: SagaDocument, ask: SagaAsked['ask']): string | undefined {
  const states = Object.entries(saga.steps)
  if (ask.what === 'cancel') return saga.status === 'running' ? undefined : `it is ${saga.status}`
  if (ask.what === 'resume') return saga.status === 'stuck' ? undefined : `it is ${saga.status}, not stuck`
  if (ask.what === 'signal') {
    if (saga.status !== 'running') return `it is ${saga.status}`
    const state = saga.steps[ask.name]
    return saga.state !== undefined || state?.is === 'waiting' ? undefined : 'no step of this name waits'
  }
  if (saga.status === 'stuck') return undefined
  const isWaiting = states.some(
    ([step, { is }]) =>
      ['retrying', 'undo-retrying', 'running', 'undoing'].includes(is) && (ask.step === undefined || ask.step === step),
  )
  return isWaiting ? undefined : 'nothing of it waits for another try or for its outcome'
}

function recordFor(runtime: Runtime, saga: SagaDocument, data: SagaAsked): EventRecord {
  const { asked } = sagaEvents(saga.saga)
  const event = buildEvent({
    id: runtime.id(),
    source: operatorsSource,
    type: asked.type,
    version: asked.version,
    category: asked.category,
    key: saga.key,
    timestamp: runtime.now(),
    priority: asked.priority,
    context: {
      ...(saga.tenant === '' ? {} : { tenantId: saga.tenant }),
      ...(saga.correlation === undefined ? {} : { correlationId: saga.correlation }),
      actor: `operator:${data.by}`,
    },
    data: plain(data),
  })
  return recordOf(event)
}
