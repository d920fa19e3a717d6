import { type Duration, milliseconds } from '../kernel/duration.ts'
import { TidingsError } from '../kernel/errors.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import type { Store } from '../store/store.ts'
import { type ParkedError, parkedCollection, parkedId, readParked } from '../subscriber/parked-event.ts'
import { type ParkedRequest, requestsCollection } from '../subscriber/requests.ts'
import type { Ownership } from './owners.ts'
import { type ParkedPlace, parseParkedId } from './parked-filter.ts'
import { findOneParked } from './parked-listing.ts'
import { readDocuments } from './read-documents.ts'

/**
 * What has become of one request.
 *   asked     its owner has not carried it out yet
 *   trying    the event runs again, or waits for its next attempt
 *   handled   the event was handled
 *   dropped   the event is gone
 *   failed    the event ran again and is a dead letter again
 *   behind    nothing was done: the event waits behind another of its stream
 */
export type RequestState = 'asked' | 'trying' | 'handled' | 'dropped' | 'failed' | 'behind'

export interface RequestOutcome {
  readonly request: string
  readonly state: RequestState
  readonly error?: ParkedError
}

export interface FollowProgress {
  /** In the order given. */
  readonly outcomes: readonly RequestOutcome[]
  readonly counts: Readonly<Record<RequestState, number>>
  /**
   * True at the last step. `settled`: every request has an end. `deadline`: time is over. `unowned`: all that is left belongs to partitions that
   * no instance looks after; the requests stay and are carried out when one starts.
   */
  readonly ended?: 'settled' | 'deadline' | 'unowned'
  /** Partitions, as `subscription/run/partition`, with open requests and no living owner. */
  readonly unowned: readonly string[]
}

export interface FollowOptions {
  /** Default 30 s. */
  readonly deadline?: Duration | undefined
  /** Whether to go on waiting where no owner is alive. Default false. */
  readonly patient?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

interface Followed extends ParkedPlace {
  readonly request: string
  readonly parked: string
  readonly owner: string
  readonly action: 'redrive' | 'drop'
  /** Id of its parked document, once the request has told the stream. */
  document: string | undefined
  outcome: RequestOutcome
}

/** Time between looks, in milliseconds. */
const every = 200

const ends: ReadonlySet<RequestState> = new Set(['handled', 'dropped', 'failed', 'behind'])

/**
 * Follows requests until each has an end, the deadline passes, or nobody is there to carry them out; the last step says which. Yields whenever
 * something has changed. Rejects with the signal's reason.
 */
export async function* followRequests(
  store: Store,
  runtime: Runtime,
  look: () => Promise<Ownership>,
  requests: readonly string[],
  options: FollowOptions = {},
): AsyncGenerator<FollowProgress> {
  const until = runtime.monotonic() + milliseconds(options.deadline ?? 30_000, 'deadline')
  const followed = requests.map(parseRequest)
  const began = runtime.now()
  let told = ''
  for (;;) {
    options.signal?.throwIfAborted()
    await refresh(store, followed)
    const ownership = await look()
    const open = followed.filter(({ outcome }) => !ends.has(outcome.state))
    const unowned = [...new Set(open.filter((one) => isUnowned(ownership, one)).map(({ owner }) => owner))]
    const abandoned = open.length > 0 && open.every(({ owner }) => unowned.includes(owner)) && options.patient !== true
    const ended =
      open.length === 0 ? 'settled' : abandoned ? 'unowned' : runtime.monotonic() >= until ? 'deadline' : undefined
    const progress = progressOf(followed, unowned)
    const text = JSON.stringify([progress.counts, unowned])
    if (ended !== undefined) {
      yield { ...progress, ended }
      return
    }
    if (text !== told) yield progress
    told = text
    await sleep(runtime, Math.min(every, Math.max(1, until - runtime.monotonic())), options.signal)
  }

  function isUnowned(ownership: Ownership, { subscription, run, partition }: Followed): boolean {
    const owner = ownership.of(`${subscription}/${run}`, partition)
    // A free partition is taken within moments where others of its group live; only a group without members is abandoned.
    if (owner.state === 'none')
      return !ownership.instances.some(({ alive, groups }) => alive && groups.includes(`${subscription}/${run}`))
    if (owner.state === 'gone')
      return !ownership.instances.some(({ alive, groups }) => alive && groups.includes(`${subscription}/${run}`))
    return (
      owner.state === 'unknown' && ownership.instances.every(({ alive }) => !alive) && runtime.now() - began >= every
    )
  }
}

async function refresh(store: Store, followed: readonly Followed[]): Promise<void> {
  const open = followed.filter(({ outcome }) => !ends.has(outcome.state))
  const asked = new Map<string, string>()
  for (const group of new Set(open.map(({ subscription, run }) => `${subscription}/${run}/`))) {
    for await (const { id, body } of readDocuments(store, requestsCollection, { prefix: group })) asked.set(id, body)
  }
  for (const one of open) {
    const body = asked.get(one.request)
    if (body === undefined) one.outcome = await outcomeOf(store, one)
    else one.document ??= parkedId({ ...one, stream: (JSON.parse(body) as ParkedRequest).stream })
  }
}

/** What the parked document tells once the request is gone. */
async function outcomeOf(store: Store, { request, parked: id, action, document }: Followed): Promise<RequestOutcome> {
  const parked =
    document === undefined
      ? (await findOneParked(store, id))?.parked
      : (await store.find(parkedCollection, { id: document })).map(readParked)[0]
  if (parked === undefined) return { request, state: action === 'drop' ? 'dropped' : 'handled' }
  const { state, error } = parked
  const detail = error === undefined ? {} : { error }
  if (state === 'behind') return { request, state: 'behind' }
  // Carrying out a redrive makes it a retry first, so dead means that it has failed again; one that is parked again after a drop has come back.
  return state === 'dead' || state === 'upgrade'
    ? { request, state: 'failed', ...detail }
    : { request, state: 'trying', ...detail }
}

function progressOf(followed: readonly Followed[], unowned: readonly string[]): FollowProgress {
  const counts: Record<RequestState, number> = { asked: 0, trying: 0, handled: 0, dropped: 0, failed: 0, behind: 0 }
  for (const { outcome } of followed) counts[outcome.state]++
  return { outcomes: followed.map(({ outcome }) => outcome), counts, unowned }
}

function parseRequest(request: string): Followed {
  const match = /^(.+)\/(redrive|drop)$/.exec(request)
  if (match === null) {
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      'Expected `requests` to be ids that redrive or drop have returned.',
      { details: { field: 'requests' } },
    )
  }
  const [, parked = '', action] = match
  const place = parseParkedId(parked)
  return {
    ...place,
    request,
    parked,
    owner: `${place.subscription}/${place.run}/${place.partition}`,
    action: action as Followed['action'],
    document: undefined,
    outcome: { request, state: 'asked' },
  }
}
