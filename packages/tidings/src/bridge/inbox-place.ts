import type { CommitResult, DocumentChange, Expectation, Store } from '../store/store.ts'
import type { Offset, TransportCapabilities } from '../transport/transport.ts'

/** Collection of how far groups have taken in the partitions of a broker. Ids: `<group>/<partition>`, and `<group>` for what holds for all of them. */
export const inboxCollection = 'inbox'

/** How far one partition has been taken in, as it is stored. */
export interface InboxPlace {
  /** Everything at or below is stored here; -1: the group has not begun with it. */
  readonly offset: Offset
  /** Counted since the group began. */
  readonly received: number
  readonly duplicates: number
  readonly dead: number
  /** When an event was last taken in, milliseconds since 1970; 0: none was. */
  readonly lastAt: number
  /** How old it was then, in milliseconds. */
  readonly lastAge: number
}

export const nowhere: InboxPlace = Object.freeze({
  offset: -1,
  received: 0,
  duplicates: 0,
  dead: 0,
  lastAt: 0,
  lastAge: 0,
})

/** Who writes a document, and of which broker it tells. */
interface Signed {
  readonly owner: string
  readonly broker: string
  /** Which log of that broker, see `TransportCapabilities.log`; undefined: nobody said. */
  readonly log?: string
}

/** One partition of a broker as this instance owns it. The version of its document is the fence: every commit expects it, and each raises it. */
export class InboxCheckpoint {
  readonly id: string
  /** Whether the group had begun with a log of this broker that is no more: it begins again. */
  readonly anew: boolean
  readonly #signed: Signed
  #version: number
  #place: InboxPlace

  private constructor(id: string, signed: Signed, version: number, { place, anew }: Known) {
    this.id = id
    this.anew = anew
    this.#signed = signed
    this.#version = version
    this.#place = place
  }

  /**
   * Takes a partition over: whatever its last owner still commits is refused from here on. Where it tells of another broker, or of another log of
   * this one, its offset means nothing here. `signed.owner`: a name nobody used before.
   */
  static async takeOver(store: Store, group: string, partition: number, signed: Signed): Promise<InboxCheckpoint> {
    const id = `${group}/${partition}`
    for (;;) {
      const [document] = await store.find(inboxCollection, { id })
      const version = document?.version ?? 0
      const known = document === undefined ? { place: nowhere, anew: false } : knownOf(document.body, signed)
      const [result] = await store.commit([
        {
          expect: [{ collection: inboxCollection, id, version }],
          documents: [{ collection: inboxCollection, id, put: write(known.place, signed) }],
        },
      ])
      if (result?.status === 'refused') throw result.error
      if (result?.status === 'committed') return new InboxCheckpoint(id, signed, version + 1, known)
    }
  }

  get place(): InboxPlace {
    return this.#place
  }

  /** The document stands as this owner has left it. */
  get unchanged(): Expectation {
    return { collection: inboxCollection, id: this.id, version: this.#version }
  }

  moved(place: InboxPlace): DocumentChange {
    return { collection: inboxCollection, id: this.id, put: write(place, this.#signed) }
  }

  /** Call it when a commit that held `moved(place)` is through. */
  committed(place: InboxPlace): void {
    this.#version++
    this.#place = place
  }

  /** Reads it again after a commit whose answer is in doubt. False: it is somebody else's. */
  async refresh(store: Store): Promise<boolean> {
    const [document] = await store.find(inboxCollection, { id: this.id })
    if (document === undefined) return false
    const { place, owner } = read(document.body)
    if (owner !== this.#signed.owner) return false
    this.#version = document.version
    this.#place = place
    return true
  }

  /** Whether it is this document that a commit found changed. */
  contradicts(result: CommitResult): boolean {
    return (
      result.status === 'conflict' &&
      'collection' in result.expectation &&
      result.expectation.collection === inboxCollection &&
      result.expectation.id === this.id
    )
  }
}

/** Documents of one page. */
const pageSize = 1_000

/** How far a group has taken in each partition of a broker's log that one of its members was ever given; -1: it has not begun there. */
export async function offsetsOf(
  store: Store,
  group: string,
  { name, log }: Pick<TransportCapabilities, 'name' | 'log'>,
): Promise<readonly Offset[]> {
  const where = { broker: name, ...(log !== undefined && { log }) }
  const offsets: Offset[] = []
  let after: string | undefined
  for (;;) {
    const query = { prefix: `${group}/`, limit: pageSize, ...(after === undefined ? {} : { after }) }
    const page = await store.find(inboxCollection, query)
    for (const { body } of page) {
      const known = read(body)
      if (isOf(known, where)) offsets.push(known.place.offset)
    }
    if (page.length < pageSize) return offsets
    after = page.at(-1)?.id
  }
}

/** The place in the body of an `inbox` document. */
export function readPlace(body: string): InboxPlace {
  return read(body).place
}

interface Known {
  readonly place: InboxPlace
  readonly anew: boolean
}

/** What a document says to whoever signs so. */
function knownOf(body: string, signed: Signed): Known {
  const known = read(body)
  const { place, broker } = known
  if (isOf(known, signed)) return { place, anew: false }
  return { place: { ...place, offset: -1 }, anew: broker === signed.broker && place.offset >= 0 }
}

/** Whether a document tells of this log. Those written before logs had names hold for whichever log is there. */
function isOf(known: Omit<Signed, 'owner'>, where: Omit<Signed, 'owner'>): boolean {
  return known.broker === where.broker && (known.log ?? where.log) === (where.log ?? known.log)
}

function read(body: string): { readonly place: InboxPlace } & Signed {
  const { owner = '', broker = '', log, ...place } = JSON.parse(body) as Partial<InboxPlace & Signed>
  return { place: { ...nowhere, ...place }, owner, broker, ...(log !== undefined && { log }) }
}

function write(place: InboxPlace, signed: Signed): string {
  return JSON.stringify({ ...place, ...signed })
}
