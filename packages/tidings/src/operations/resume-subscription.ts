import { type Registration, subscriptionsCollection } from '../bus/registration.ts'
import { type Duration, milliseconds } from '../kernel/duration.ts'
import { TidingsError } from '../kernel/errors.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import type { Store } from '../store/store.ts'
import { requestsCollection, requestUnit } from '../subscriber/requests.ts'
import { auditChange, checkedBy } from './audit.ts'

export interface ResumeOptions {
  /** Who asks, for the audit. Default `operator`. */
  readonly by?: string | undefined
  /** How long to wait for the answers. Default 5 s. */
  readonly deadline?: Duration | undefined
}

/** What became of it. */
export interface Resumed {
  readonly subscription: string
  /** Partitions whose owners have answered: their process takes work again. */
  readonly answered: number
  /** Partitions whose owners have not, or that nobody owns; the requests stay and are carried out by whoever owns them next. */
  readonly open: number
  /** Id of the audit entry. */
  readonly audit: string
}

/** Time between looks, in milliseconds. */
const every = 200

/**
 * Lets a subscription go on that has halted at an event it cannot handle, in every process that runs it: the event is tried again with all its attempts.
 * Where nothing has halted, nothing happens. Rejects with `TIDINGS_NOT_FOUND` for a subscription that was never registered.
 */
export async function resumeSubscription(
  store: Store,
  runtime: Runtime,
  subscription: string,
  options: ResumeOptions = {},
): Promise<Resumed> {
  const by = checkedBy(options.by ?? 'operator')
  const until = runtime.monotonic() + milliseconds(options.deadline ?? 5_000, 'deadline')
  const [document] = await store.find(subscriptionsCollection, { id: String(subscription) })
  if (document === undefined) {
    throw new TidingsError(
      'TIDINGS_NOT_FOUND',
      `No subscription ${JSON.stringify(String(subscription).slice(0, 120))} has ever been registered in this store.`,
      { details: { field: 'subscription' } },
    )
  }
  const { name, run } = JSON.parse(document.body) as Registration
  const at = runtime.now()
  const audit = runtime.id()
  const owners = Array.from({ length: store.capabilities.partitions }, (_, partition) => `${name}/${run}/${partition}`)
  const results = await store.commit([
    { documents: [auditChange({ id: audit, at, by, action: 'resume', filter: { subscription: name } })] },
    ...owners.map((owner, partition) => requestUnit(owner, 'resume', { action: 'resume', partition, by, at })),
  ])
  for (const result of results) if (result.status === 'refused') throw result.error
  for (;;) {
    const open = await countOpen(store, owners)
    if (open === 0 || runtime.monotonic() >= until)
      return { subscription: name, answered: owners.length - open, open, audit }
    await sleep(runtime, Math.min(every, Math.max(1, until - runtime.monotonic())))
  }
}

async function countOpen(store: Store, owners: readonly string[]): Promise<number> {
  const found = await Promise.all(owners.map((owner) => store.find(requestsCollection, { id: `${owner}/resume` })))
  return found.filter((documents) => documents.length > 0).length
}
