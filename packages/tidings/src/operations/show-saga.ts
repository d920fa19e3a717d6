import type { Json } from '../events/plain.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Runtime } from '../kernel/runtime.ts'
import { type KnownDefinition, sagaDefinitionsCollection } from '../sagas/check-definition.ts'
import {
  readSaga,
  type SagaDocument,
  type SagaHistoryEntry,
  type SagaTimer,
  type StepState,
  sagaId,
  sagasCollection,
} from '../sagas/saga-document.ts'
import type { Store } from '../store/store.ts'
import { auditChange, checkedBy } from './audit.ts'
import { maskData } from './mask-data.ts'
import { entryOf, type SagaEntry } from './saga-listing.ts'
import type { ShowOptions } from './show-parked.ts'

/** Which saga. */
export interface SagaName {
  readonly saga: string
  readonly key: string
  /** Default: that without a tenant. */
  readonly tenant?: string | undefined
}

/** A step, where it stands, and what it has brought. */
export type ShownStep = { readonly name: string; readonly result?: Json; readonly heard?: Json } & (
  | StepState
  /** Not begun. */
  | { readonly is: 'ahead' }
)

/** All there is to know about one saga. */
export interface SagaDetail extends SagaEntry {
  /** source/id of the event that started it. */
  readonly startedBy: string
  readonly correlationId?: string
  readonly data: Json
  readonly state?: Json
  /** In the order of the definition, those to come included. */
  readonly steps: readonly ShownStep[]
  readonly timers: readonly ({ readonly name: string } & SagaTimer)[]
  /** Types of the events that came before their step. */
  readonly early: readonly string[]
  /** Oldest first. */
  readonly history: readonly SagaHistoryEntry[]
  /** Entries of the history that made room for later ones. */
  readonly forgotten: number
}

/** Rejects with `TIDINGS_NOT_FOUND` where there is none. Sensitive values are masked unless `reveal` is asked, which the audit keeps. */
export async function showSaga(
  store: Store,
  runtime: Runtime,
  name: SagaName,
  { reveal = false, by = 'operator' }: ShowOptions = {},
): Promise<SagaDetail> {
  const saga = await findSaga(store, name)
  const who = checkedBy(by)
  if (reveal) {
    const change = auditChange({ id: runtime.id(), at: runtime.now(), by: who, action: 'reveal', filter: { ...name } })
    const [result] = await store.commit([{ documents: [change] }])
    if (result?.status === 'refused') throw result.error
  }
  const [known] = await store.find(sagaDefinitionsCollection, { id: saga.saga })
  const planned = known === undefined ? [] : (JSON.parse(known.body) as KnownDefinition).stages.flat()
  const mask = <Value>(value: Value): Value => (reveal ? value : (maskData(value) as Value))
  const member = <Name extends string>(
    field: Name,
    all: Readonly<Record<string, Json>>,
    of: string,
  ): { readonly [field in Name]?: Json } =>
    (all[of] === undefined ? {} : { [field]: mask(all[of]) }) as { readonly [field in Name]?: Json }
  return {
    ...entryOf(saga),
    startedBy: saga.startedBy,
    ...(saga.correlation === undefined ? {} : { correlationId: saga.correlation }),
    data: mask(saga.data),
    ...(saga.state === undefined ? {} : { state: mask(saga.state) }),
    steps: [...new Set([...planned, ...Object.keys(saga.steps)])].map((step) => ({
      name: step,
      ...(saga.steps[step] ?? { is: 'ahead' }),
      ...member('result', saga.results, step),
      ...member('heard', saga.heard, step),
    })),
    timers: Object.entries(saga.timers)
      .map(([timer, one]) => ({ name: timer, ...one }))
      .toSorted((a, b) => a.at - b.at),
    early: saga.early.map(({ type }) => type),
    history: mask(saga.history),
    forgotten: saga.forgotten,
  }
}

/** Rejects with `TIDINGS_NOT_FOUND` where there is none. */
export async function findSaga(store: Store, { saga, tenant = '', key }: SagaName): Promise<SagaDocument> {
  const [found] = await store.find(sagasCollection, { id: sagaId({ saga, tenant, key }) })
  if (found !== undefined) return readSaga(found)
  throw new TidingsError(
    'TIDINGS_NOT_FOUND',
    `There is no saga ${String(saga).slice(0, 80)} of this key${tenant === '' ? '' : ' and tenant'}; it may have been removed some time after its end.`,
    { details: { field: 'key' } },
  )
}
