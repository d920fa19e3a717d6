import type { Position, StoredEvent } from '../../store/store.ts'

/** A place in the log and the partitions that are read from there together. */
export interface Cursor {
  /** Everything of its partitions at or below was delivered or looked at. */
  place: Position
  /** Ascending; a new array with each change. */
  partitions: readonly number[]
  /** 1 for each of its partitions. */
  readonly has: Uint8Array
  /** Whether the tail reader feeds it. */
  near: boolean
  /** Running number of the next recent event, where it is near and known; may have been dropped since. */
  number: number
  /** What it read alone and has not delivered yet. */
  page:
    | { readonly events: readonly StoredEvent[]; readonly through: Position; readonly head: boolean; at: number }
    | undefined
  /** Whether a page of its own is under way. */
  reading: boolean
}

/**
 * The places of one consumer, lowest first. Partitions that stand at the same place move as one, so that near the head a
 * consumer has a single cursor however many partitions it owns. No cursor passes the one above: it reaches it and they merge.
 */
export class Cursors {
  readonly #partitions: number
  #list: Cursor[] = []
  #changes = 0

  constructor(partitions: number) {
    this.#partitions = partitions
  }

  get list(): readonly Cursor[] {
    return this.#list
  }

  /** Grows whenever cursors come, go, or change partitions; who loops over them looks whether it did. */
  get changes(): number {
    return this.#changes
  }

  /** The place that the cursor must not pass. */
  limitOf(at: number): Position {
    return this.#list[at + 1]?.place ?? Number.POSITIVE_INFINITY
  }

  /** Starts partitions, none of which is read yet, each at its own place. */
  add(partitions: readonly number[], places: readonly Position[]): void {
    const byPlace = new Map<Position, number[]>()
    for (let at = 0; at < partitions.length; at++) {
      const place = places[at] as Position
      const same = byPlace.get(place)
      if (same === undefined) byPlace.set(place, [partitions[at] as number])
      else same.push(partitions[at] as number)
    }
    for (const [place, same] of byPlace) this.#list.push(this.#cursor(place, same))
    this.#list.sort((a, b) => a.place - b.place)
    this.#changes++
  }

  drop(partition: number): void {
    const cursor = this.#list.find(({ has }) => has[partition] === 1)
    if (cursor === undefined) return
    cursor.has[partition] = 0
    cursor.partitions = cursor.partitions.filter((kept) => kept !== partition)
    if (cursor.partitions.length === 0) this.#list = this.#list.filter((kept) => kept !== cursor)
    this.#changes++
  }

  clear(): void {
    for (const cursor of this.#list) cursor.has.fill(0)
    this.#list = []
    this.#changes++
  }

  /** Joins neighbours that stand at one place, where neither is in the middle of a page. Returns those that grew. */
  merge(): readonly Cursor[] {
    if (this.#list.length < 2) return []
    // A place that was sought while a page was under way may lie below it.
    this.#list.sort((a, b) => a.place - b.place)
    const grown = new Set<Cursor>()
    const list: Cursor[] = []
    for (const cursor of this.#list) {
      const below = list.at(-1)
      if (below === undefined || below.place !== cursor.place || busy(below) || busy(cursor)) {
        list.push(cursor)
        continue
      }
      below.partitions = [...below.partitions, ...cursor.partitions].toSorted((a, b) => a - b)
      for (const partition of cursor.partitions) below.has[partition] = 1
      if (below.near !== cursor.near) grown.add(below)
      cursor.has.fill(0)
    }
    if (list.length === this.#list.length) return []
    this.#list = list
    this.#changes++
    return [...grown]
  }

  #cursor(place: Position, partitions: readonly number[]): Cursor {
    const has = new Uint8Array(this.#partitions)
    for (const partition of partitions) has[partition] = 1
    return {
      place,
      partitions: partitions.toSorted((a, b) => a - b),
      has,
      near: false,
      number: 0,
      page: undefined,
      reading: false,
    }
  }
}

function busy(cursor: Cursor): boolean {
  return cursor.reading || cursor.page !== undefined
}
