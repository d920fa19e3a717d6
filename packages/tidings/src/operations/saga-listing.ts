import { type Duration, milliseconds } from '../kernel/duration.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Runtime } from '../kernel/runtime.ts'
import {
  readSaga,
  type SagaDocument,
  type SagaReason,
  type SagaStatus,
  sagaStatuses,
  sagasCollection,
} from '../sagas/saga-document.ts'
import type { Store, StoredDocument } from '../store/store.ts'

/** One saga, for people and programs. Times are milliseconds since 1970. */
export interface SagaEntry {
  readonly saga: string
  /** Empty where there is none. */
  readonly tenant: string
  readonly key: string
  /** From 1; a key whose saga has ended may start another one. */
  readonly run: number
  readonly status: SagaStatus
  /** Version of the definition that changed it last. */
  readonly version: number
  readonly startedAt: number
  /** Long ago, of one that has no end: it has stalled. */
  readonly changedAt: number
  readonly endedAt?: number
  readonly reason?: SagaReason
  /** Steps that are under way, wait, or have failed for good. */
  readonly at: readonly string[]
  /** Its next timer. */
  readonly due?: number
}

export interface SagaPage {
  readonly items: readonly SagaEntry[]
  /** Whether there are more than were asked for. */
  readonly more: boolean
}

export interface SagaQuery {
  readonly saga?: string | undefined
  readonly status?: SagaStatus | readonly SagaStatus[] | undefined
  /** Those whose key begins so; needs `saga`. */
  readonly key?: string | undefined
  /** Whose keys are looked at; with `key`. Default: those without a tenant. */
  readonly tenant?: string | undefined
  /** Only those that nothing has happened to for so long. */
  readonly idle?: Duration | undefined
  /** 1 to 10,000. Default 100. */
  readonly limit?: number | undefined
}

/** What deserves a look comes first. */
const urgency: readonly SagaStatus[] = ['stuck', 'compensating', 'running', 'early', 'compensated', 'done']

/** Sagas that match: stuck ones first, then those under way, of each kind the longest untouched first. */
export async function listSagas(store: Store, runtime: Runtime, query: SagaQuery = {}): Promise<SagaPage> {
  const { saga, key, limit = 100 } = query
  const statuses = query.status === undefined ? urgency : urgency.filter((one) => [query.status].flat().includes(one))
  refuse(Number.isSafeInteger(limit) && limit >= 1 && limit <= 10_000, 'limit', 'a whole number from 1 to 10,000')
  refuse(
    [query.status ?? []].flat().every((one) => sagaStatuses.includes(one)),
    'status',
    `among ${sagaStatuses.join(', ')}`,
  )
  refuse(key === undefined || saga !== undefined, 'key', 'given together with `saga`')
  const upTo = query.idle === undefined ? undefined : runtime.now() - milliseconds(query.idle, 'idle')
  const found = key === undefined ? await byStatus(store, query, statuses, upTo, limit + 1) : await byKey(store, query)
  const items = found
    .map((document) => entryOf(readSaga(document)))
    .filter((one) => statuses.includes(one.status) && (upTo === undefined || one.changedAt <= upTo))
    .toSorted((a, b) => urgency.indexOf(a.status) - urgency.indexOf(b.status) || a.changedAt - b.changedAt)
  return { items: items.slice(0, limit), more: items.length > limit }
}

/** How many there are of each status, counted up to `most`. */
export async function countSagas(
  store: Store,
  saga: string | undefined,
  most: number,
): Promise<Readonly<Record<SagaStatus, number>>> {
  const counts = await Promise.all(
    sagaStatuses.map(async (status) => {
      const found = await store.find(sagasCollection, { by: { index: indexOf(status, saga) }, limit: most })
      return [status, found.length] as const
    }),
  )
  return Object.fromEntries(counts) as Record<SagaStatus, number>
}

export function entryOf(saga: SagaDocument): SagaEntry {
  const dues = Object.values(saga.timers).map(({ at }) => at)
  const isOpen = saga.status !== 'done' && saga.status !== 'compensated'
  return {
    saga: saga.saga,
    tenant: saga.tenant,
    key: saga.key,
    run: saga.run,
    status: saga.status,
    version: saga.version,
    startedAt: saga.startedAt,
    changedAt: saga.changedAt,
    ...(saga.endedAt === undefined ? {} : { endedAt: saga.endedAt }),
    ...(saga.reason === undefined ? {} : { reason: saga.reason }),
    at: isOpen
      ? Object.entries(saga.steps)
          .filter(([, { is }]) => !['done', 'skipped', 'stopped', 'undone', 'failed'].includes(is))
          .map(([name]) => name)
      : [],
    ...(dues.length === 0 ? {} : { due: Math.min(...dues) }),
  }
}

async function byStatus(
  store: Store,
  { saga }: SagaQuery,
  statuses: readonly SagaStatus[],
  upTo: number | undefined,
  limit: number,
): Promise<readonly StoredDocument[]> {
  const found: StoredDocument[] = []
  for (const status of statuses) {
    if (found.length >= limit) break
    const by = { index: indexOf(status, saga), ...(upTo === undefined ? {} : { upTo }) }
    found.push(...(await store.find(sagasCollection, { by, limit: limit - found.length })))
  }
  return found
}

async function byKey(store: Store, { saga, tenant = '', key = '' }: SagaQuery): Promise<readonly StoredDocument[]> {
  const prefix = `${saga}/${encodeURIComponent(tenant)}/${encodeURIComponent(key)}`
  return store.find(sagasCollection, { prefix, limit: 10_000 })
}

function indexOf(status: SagaStatus, saga: string | undefined): string {
  return saga === undefined ? `is:${status}` : `is:${status}:${saga}`
}

function refuse(fine: boolean, field: string, rule: string): void {
  if (fine) return
  throw new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` to be ${rule}.`, { details: { field } })
}
