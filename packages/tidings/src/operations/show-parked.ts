import type { AnyEventDefinition } from '../events/define-event.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { Store } from '../store/store.ts'
import { isInLog, parkedCollection, parkedId, readParked } from '../subscriber/parked-event.ts'
import { type ParkedRequest, requestsCollection } from '../subscriber/requests.ts'
import { auditChange, checkedBy } from './audit.ts'
import type { Owner, Ownership } from './owners.ts'
import { publicId } from './parked-filter.ts'
import { entryOf, findOneParked, type ParkedEntry } from './parked-listing.ts'
import { readDocuments } from './read-documents.ts'
import { type EventView, viewEvent } from './shown-event.ts'

/** All there is to know about one parked event. */
export interface ParkedDetail extends ParkedEntry, EventView {
  /** How many events of its stream wait behind it, counted up to 1,000. */
  readonly behind: number
  /** The one at the front, where this one waits behind it. */
  readonly blockedBy?: string
  readonly owner: Owner
  /** Of deliveries that could not be taken in, where `reveal` is asked: the first bytes that came, in base64. */
  readonly raw?: string
  /** What operators have asked and the owner has not carried out yet. */
  readonly requests: readonly { readonly action: 'redrive' | 'drop'; readonly by: string; readonly at: number }[]
}

export interface ShowOptions {
  /** Sensitive values as they are. Leaves an entry in the audit. Default false. */
  readonly reveal?: boolean | undefined
  /** Who looks, for the audit. Default `operator`. */
  readonly by?: string | undefined
}

const mostBehind = 1_000

const gone: EventView = Object.freeze({
  unreadable: { code: 'TIDINGS_NOT_FOUND', message: 'The log does not hold this event (any more).' },
})

/** Rejects with `TIDINGS_NOT_FOUND` where nothing is parked under this id. */
export async function showParked(
  parts: {
    readonly store: Store
    readonly runtime: Runtime
    readonly look: () => Promise<Ownership>
    definition(type: string): AnyEventDefinition | undefined
  },
  id: string,
  options: ShowOptions = {},
): Promise<ParkedDetail> {
  const { store, runtime } = parts
  const by = checkedBy(options.by ?? 'operator')
  const found = await findOneParked(store, id)
  if (found === undefined) {
    throw new TidingsError(
      'TIDINGS_NOT_FOUND',
      `Nothing is parked as ${id.slice(0, 200)}; it may have been handled meanwhile.`,
      { details: { field: 'id' } },
    )
  }
  const { parked } = found
  const group = `${parked.subscription}/${parked.run}`
  const siblings = await store.find(parkedCollection, { prefix: streamPrefix(parkedId(parked)), limit: mostBehind + 1 })
  const stream = siblings.map(readParked).filter((one) => one.blocking && one.stream === parked.stream)
  const front = stream[0]
  const requests: ParkedDetail['requests'][number][] = []
  for await (const { body } of readDocuments(store, requestsCollection, { prefix: `${publicId(parked)}/` })) {
    const { action, by: who, at } = JSON.parse(body) as ParkedRequest
    requests.push({ action, by: who, at })
  }
  const { events } = isInLog(parked)
    ? await store.readAll({ after: parked.offset - 1, upTo: parked.offset, limit: 1 })
    : { events: [] }
  const stored = events[0]?.stream === parked.stream ? events[0] : undefined
  const reveal = options.reveal === true
  if (reveal) {
    const [result] = await store.commit([
      { documents: [auditChange({ id: runtime.id(), at: runtime.now(), by, action: 'reveal', filter: { id } })] },
    ])
    if (result?.status === 'refused') throw result.error
  }
  return {
    ...entryOf(parked),
    ...(stored === undefined ? gone : viewEvent(stored, parts.definition(parked.type), reveal)),
    behind: stream.filter((one) => one.offset > parked.offset).length,
    ...(front !== undefined && front.offset < parked.offset && parked.blocking ? { blockedBy: publicId(front) } : {}),
    owner: (await parts.look()).of(group, parked.partition),
    requests,
    ...(reveal && parked.raw !== undefined ? { raw: parked.raw } : {}),
  }
}

/** Ids of one stream differ in their last part alone. */
function streamPrefix(documentId: string): string {
  return documentId.slice(0, documentId.lastIndexOf('/') + 1)
}
