import {
  type CommitResult,
  type EventRecord,
  type Expectation,
  type Placed,
  streamText,
  TidingsError,
  type Unit,
} from 'tidings/spi'

import { checkUnit } from './check-unit.ts'
import { documentId, type StreamIdentities, type StreamIdentity } from './identities.ts'

/** What the server has said of everything that an earlier plan for the same units touched. */
export interface Known {
  readonly streams: ReadonlyMap<string, number>
  readonly documents: ReadonlyMap<string, number>
  /** By `eventKey`: where events stand that are stored. */
  readonly found: ReadonlyMap<string, Placed>
}

export interface PlannedStream {
  readonly text: string
  readonly identity: StreamIdentity
  /** Its version before all units, as far as it is known or assumed. */
  base: number | undefined
  /** Whether somebody relies on `base`, so that the server must look. */
  relied: boolean
  appended: number
}

type Body = { readonly put: string; readonly index: Readonly<Record<string, string | number>> | undefined }

export interface PlannedDocument {
  readonly name: string
  readonly collection: string
  readonly id: string
  readonly document: Buffer
  base: number | undefined
  relied: boolean
  /** Whether it counts from 0, whatever stood there before. */
  anew: boolean
  puts: number
  /** Undefined: untouched; null: deleted. */
  body: Body | null | undefined
}

/** How a unit ends, if the assumptions hold. */
export type Verdict =
  | { readonly kind: 'apply'; readonly from: number; readonly count: number }
  /** All of its events are those of units before it, or stored already; numbers are places among the plan's events. */
  | { readonly kind: 'repeat'; readonly places: readonly (number | Placed)[] }
  | { readonly kind: 'answer'; readonly result: CommitResult }

/**
 * What a call of commit comes to: units are run in order against a state that is known only as far as they say what they
 * expect of it. What they expect of the state before the call becomes an assumption that the server checks; what they expect of each other is decided here.
 */
export interface Plan {
  readonly verdicts: readonly Verdict[]
  readonly streams: readonly PlannedStream[]
  readonly documents: readonly PlannedDocument[]
  /** Events that must not be stored yet. */
  readonly absent: readonly EventRecord[]
  readonly records: readonly EventRecord[]
  /** For each record: its stream's place among `streams`, from 0, and its number among those appended to it, from 1. */
  readonly streamAt: readonly number[]
  readonly nth: readonly number[]
}

/** Refused by more than itself: some base that is assumed cannot be, so the server must say what is. */
export const impossible = -2

export function planUnits(
  units: readonly Unit[],
  identities: StreamIdentities,
  options: { readonly known: Known | undefined; readonly trusting: boolean },
): Plan {
  const planner = new Planner(identities, options.known, options.trusting)
  const verdicts = units.map((unit) => planner.run(unit))
  return {
    verdicts,
    streams: [...planner.streams.values()],
    documents: [...planner.documents.values()],
    absent: planner.absent,
    records: planner.records,
    streamAt: planner.streamAt,
    nth: planner.nth,
  }
}

/** Whether the server must be asked at all. */
export function isEmpty(plan: Plan): boolean {
  return (
    plan.records.length === 0 &&
    plan.absent.length === 0 &&
    !plan.streams.some((stream) => stream.relied) &&
    !plan.documents.some((document) => document.relied || document.body !== undefined)
  )
}

export function eventKey({ id, source }: EventRecord): string {
  return `${source.length}:${source}${id}`
}

class Planner {
  readonly streams = new Map<string, PlannedStream>()
  readonly documents = new Map<string, PlannedDocument>()
  readonly absent: EventRecord[] = []
  readonly records: EventRecord[] = []
  readonly streamAt: number[] = []
  readonly nth: number[] = []
  readonly #identities: StreamIdentities
  readonly #known: Known | undefined
  readonly #trusting: boolean
  readonly #streamPlaces = new Map<string, number>()
  /** Of events that units before have appended: their place among `records`. Only where somebody may ask. */
  readonly #appended = new Map<string, number>()
  readonly #asked = new Set<string>()

  constructor(identities: StreamIdentities, known: Known | undefined, trusting: boolean) {
    this.#identities = identities
    this.#known = known
    this.#trusting = trusting
  }

  run(unit: Unit): Verdict {
    const broken = checkUnit(unit)
    if (broken !== undefined) return { kind: 'answer', result: { status: 'refused', error: broken } }
    const { append = none, expect = none, documents = none } = unit
    const fresh = this.#trusting && append.every((record) => record.fresh === true)
    if (!fresh && append.length > 0) {
      const earlier = this.#findRepeated(append)
      if (earlier !== undefined) return earlier
    }
    for (const expectation of expect) {
      const conflict = this.#conflict(expectation)
      if (conflict !== undefined) return { kind: 'answer', result: conflict }
    }
    for (const change of documents) {
      const document = this.#document(change.collection, change.id)
      if ('put' in change) {
        document.puts++
        document.body = { put: change.put, index: change.index }
      } else {
        document.anew = true
        document.puts = 0
        document.body = null
      }
    }
    const from = this.records.length
    for (let at = 0; at < append.length; at++) this.#append(append[at] as EventRecord, fresh)
    return { kind: 'apply', from, count: append.length }
  }

  #append(record: EventRecord, fresh: boolean): void {
    const text = streamText(record)
    const stream = this.#stream(text)
    this.streamAt.push(this.#streamPlaces.get(text) as number)
    this.nth.push(++stream.appended)
    if (!fresh) this.#appended.set(eventKey(record), this.records.length)
    this.records.push(record)
  }

  #findRepeated(append: readonly EventRecord[]): Verdict | undefined {
    const places: (number | Placed)[] = []
    const keys = new Set<string>()
    for (const record of append) {
      const key = eventKey(record)
      keys.add(key)
      const place = this.#appended.get(key) ?? this.#known?.found.get(key)
      if (place !== undefined) places.push(place)
      else if (!this.#asked.has(key)) {
        this.#asked.add(key)
        this.absent.push(record)
      }
    }
    if (keys.size < append.length) return refuseDuplicate()
    if (places.length === 0) return undefined
    return places.length === append.length ? { kind: 'repeat', places } : refuseDuplicate()
  }

  #conflict(expectation: Expectation): CommitResult | undefined {
    const state =
      'stream' in expectation
        ? this.#stream(streamText(expectation.stream))
        : this.#document(expectation.collection, expectation.id)
    const moved = 'appended' in state ? state.appended : state.puts
    const expected = expectation.version
    if ('anew' in state && state.anew)
      return moved === expected ? undefined : { status: 'conflict', expectation, actual: moved }
    if (state.base === undefined) {
      const base = expected - moved
      // The server has to say what stands there; nothing that this unit decides will be used.
      state.base = Number.isSafeInteger(base) && base >= 0 ? base : impossible
      state.relied = true
      return undefined
    }
    const actual = state.base + moved
    // It was so when the server said so, whatever has become of it since.
    if (actual !== expected) return { status: 'conflict', expectation, actual }
    state.relied = true
    return undefined
  }

  #stream(text: string): PlannedStream {
    let stream = this.streams.get(text)
    if (stream === undefined) {
      const identity = this.#identities.of(text)
      this.#streamPlaces.set(text, this.streams.size)
      stream = {
        text,
        identity,
        base: this.#known?.streams.get(text),
        relied: false,
        appended: 0,
      }
      this.streams.set(text, stream)
    }
    return stream
  }

  #document(collection: string, id: string): PlannedDocument {
    const name = `${collection.length}:${collection}${id}`
    let document = this.documents.get(name)
    if (document === undefined) {
      document = {
        name,
        collection,
        id,
        document: documentId(collection, id),
        base: this.#known?.documents.get(name),
        relied: false,
        anew: false,
        puts: 0,
        body: undefined,
      }
      this.documents.set(name, document)
    }
    return document
  }
}

const none: readonly never[] = Object.freeze([])

function refuseDuplicate(): Verdict {
  const error = new TidingsError(
    'TIDINGS_DUPLICATE_ID',
    'Some events of this unit carry an `id` that is stored already, or one that another of them carries; (source, id) is unique for ever.',
    { details: { field: 'id' } },
  )
  return { kind: 'answer', result: { status: 'refused', error } }
}
