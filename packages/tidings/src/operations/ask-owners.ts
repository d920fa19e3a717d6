import { TidingsError } from '../kernel/errors.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { CommitResult, Store, Unit } from '../store/store.ts'
import { ownerOf, type ParkedState } from '../subscriber/parked-event.ts'
import { type ParkedRequest, requestsCollection, requestUnit } from '../subscriber/requests.ts'
import { type AuditEntry, auditChange, checkedBy, droppedChange } from './audit.ts'
import { checkFilter, type ParkedFilter, publicId } from './parked-filter.ts'
import { type FoundParked, findParked } from './parked-listing.ts'

export interface AskOptions {
  /** Only count, ask nothing. Default false. */
  readonly dryRun?: boolean | undefined
  /** Who asks, for the audit. Default `operator`. */
  readonly by?: string | undefined
  /** Most events in one go. Default 10,000. */
  readonly limit?: number | undefined
  /** Says that a filter which narrows nothing is meant. Default false: such a filter is refused. */
  readonly all?: boolean | undefined
  /** Ids of parked events to leave out. */
  readonly except?: ReadonlySet<string> | undefined
}

/** What was asked of the owners of parked events. */
export interface Asked {
  readonly action: 'redrive' | 'drop'
  readonly dryRun: boolean
  /** Parked events that match. */
  readonly matched: number
  /** Matching events beyond `limit`, of which nothing was asked. */
  readonly more: boolean
  /** Ids of the requests; give them to `parked.follow`. Those asked for earlier and not yet carried out are among them. */
  readonly requests: readonly string[]
  readonly bySubscription: Readonly<Record<string, number>>
  /** Id of the audit entry; absent where nothing was asked. */
  readonly audit?: string
}

/**
 * What an action takes where its filter names no state. Events behind a failed one are sound and run by themselves when it is gone, so nothing
 * touches them unless told to.
 */
const defaultStates: Readonly<Record<Asked['action'], readonly ParkedState[]>> = {
  redrive: ['dead', 'retry', 'upgrade'],
  drop: ['dead', 'upgrade'],
}

/** Requests written by one commit. */
const batch = 200

/**
 * Asks the owners of parked events to redrive or drop them: one request document an event, carried out once by whoever owns the partition
 * when it is read. Rejects with `TIDINGS_INVALID_OPTION` for a filter that is wrong, or narrows nothing without `all`.
 */
export async function askOwners(
  store: Store,
  runtime: Runtime,
  action: Asked['action'],
  filter: ParkedFilter,
  options: AskOptions = {},
): Promise<Asked> {
  const { dryRun = false, limit = 10_000, all = false } = options
  const by = checkedBy(options.by ?? 'operator')
  const states = filter.id === undefined ? defaultStates[action] : undefined
  const checked = checkFilter(filter, states)
  if (!checked.narrow && !all) {
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      'Expected the filter to name at least one thing beside `state`; say `all` to mean everything.',
      {
        details: { field: 'filter' },
      },
    )
  }
  if (!Number.isInteger(limit) || limit < 1 || limit > 1_000_000) {
    throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `limit` to be a whole number from 1 to 1,000,000.', {
      details: { field: 'limit' },
    })
  }
  const found: FoundParked[] = []
  let more = false
  for await (const one of findParked(store, checked)) {
    if (options.except?.has(publicId(one.parked)) === true) continue
    if (found.length === limit) {
      more = true
      break
    }
    found.push(one)
  }
  const bySubscription: Record<string, number> = {}
  for (const { parked } of found) bySubscription[parked.subscription] = (bySubscription[parked.subscription] ?? 0) + 1
  const asked = { action, dryRun, matched: found.length, more, bySubscription }
  if (dryRun || found.length === 0) return { ...asked, requests: [] }
  const audit: AuditEntry = {
    id: runtime.id(),
    at: runtime.now(),
    by,
    action,
    filter: { ...checked.said, ...(all ? { all } : {}) },
    matched: found.length,
  }
  const requests: string[] = []
  for (let at = 0; at < found.length; at += batch) {
    const part = found.slice(at, at + batch)
    const units = part.map((one) => unitOf(one, action, audit))
    // The record of the action stands before anything that follows from it.
    if (at === 0) units.unshift({ documents: [auditChange(audit)] })
    const results = await store.commit(units)
    results.forEach(refuseRefusals)
    requests.push(...part.map(({ parked }) => `${publicId(parked)}/${action}`))
  }
  return { ...asked, requests, audit: audit.id }
}

/** One request for each event and action at a time: asking again before it is carried out changes nothing. */
function unitOf({ parked, document }: FoundParked, action: Asked['action'], audit: AuditEntry): Unit {
  const request: ParkedRequest = {
    action,
    stream: parked.stream,
    offset: parked.offset,
    partition: parked.partition,
    by: audit.by,
    at: audit.at,
  }
  const { documents = [] } = requestUnit(ownerOf(parked), `${parked.offset}/${action}`, request)
  return {
    expect: [{ collection: requestsCollection, id: `${publicId(parked)}/${action}`, version: 0 }],
    documents:
      action === 'drop'
        ? [...documents, droppedChange(document.id, { by: audit.by, at: audit.at, action: audit.id })]
        : documents,
  }
}

function refuseRefusals(result: CommitResult): void {
  if (result.status === 'refused') throw result.error
}
