import { Ring } from '../kernel/ring.ts'
import type { Offset } from '../transport/transport.ts'

interface Entry {
  readonly offset: Offset
  done: boolean
}

/** What a checkpoint says of one partition: all at or below `watermark` is done, and so is all inside the ranges above it. */
export interface Progress {
  readonly watermark: Offset
  /** Inclusive, ascending, apart. A range covers only what lies in this partition and matches the subscription. */
  readonly done: readonly (readonly [Offset, Offset])[]
}

/**
 * How far one partition is done. Deliveries enter in order of offset and end in any order; the watermark lies just below the
 * first that has not ended. What ended above it is told as ranges, so that a restart repeats nothing.
 */
export class Watermark {
  readonly #entries = new Ring<Entry>()
  readonly #already: (readonly [Offset, Offset])[]
  #scanned: Offset

  constructor(progress: Progress) {
    this.#scanned = progress.watermark
    this.#already = [...progress.done]
  }

  /** How many deliveries are still held, done or not. */
  get size(): number {
    return this.#entries.size
  }

  /** Everything at or below has been delivered, or is of no interest. */
  get seen(): Offset {
    return this.#scanned
  }

  /** Everything at or below is done. Cheap right after `trim`; else it looks at the head alone and may lie too low. */
  get low(): Offset {
    const head = this.#entries.peek()
    return head === undefined ? this.#scanned : head.offset - 1
  }

  /** Takes note of a delivery; undefined when it was done before the last restart, or has been delivered already. */
  enter(offset: Offset): Entry | undefined {
    if (offset <= this.#scanned) return undefined
    this.scanned(offset)
    if (this.#wasDone(offset)) return undefined
    const entry = { offset, done: false }
    this.#entries.push(entry)
    return entry
  }

  /** Everything up to here has been delivered or is of no interest. */
  scanned(offset: Offset): void {
    if (offset > this.#scanned) this.#scanned = offset
  }

  /** All at or below is done, counting entries marked done that are not committed yet. */
  progress(): Progress {
    const done: [Offset, Offset][] = []
    let low: Offset | undefined
    let range: [Offset, Offset] | undefined
    for (const entry of this.#entries) {
      if (entry.done) {
        if (low === undefined) continue
        if (range === undefined) done.push((range = [entry.offset, entry.offset]))
        else range[1] = entry.offset
      } else {
        low ??= entry.offset - 1
        range = undefined
      }
    }
    const watermark = low ?? this.#scanned
    // Ranges of before the restart count until the watermark has passed them.
    const kept = this.#already.filter(([, to]) => to > watermark)
    return { watermark, done: kept.length === 0 ? done : merge([...kept, ...done]) }
  }

  /** Forgets what lies below the watermark; call it when the progress has been committed. Returns the watermark. */
  trim(): Offset {
    for (let head = this.#entries.peek(); head?.done === true; head = this.#entries.peek()) this.#entries.shift()
    const watermark = this.low
    while (this.#already.length > 0 && (this.#already[0] as readonly [Offset, Offset])[1] <= watermark)
      this.#already.shift()
    return watermark
  }

  #wasDone(offset: Offset): boolean {
    if (this.#already.length === 0) return false
    for (const [from, to] of this.#already) {
      if (offset < from) return false
      if (offset <= to) return true
    }
    return false
  }
}

export type { Entry as WatermarkEntry }

function merge(ranges: (readonly [Offset, Offset])[]): [Offset, Offset][] {
  const merged: [Offset, Offset][] = []
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1)
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to)
    else merged.push([from, to])
  }
  return merged
}
