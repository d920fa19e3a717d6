import type { Offset } from 'tidings/spi'

import type { Place } from './assignment.ts'

/** How far the partitions of a consumer are done, and which of it the broker has not been told. */
export class DoneOffsets {
  readonly #done = new Map<Place, Offset>()
  readonly #told = new Map<Place, Offset>()

  /** Everything at or below is done. Less than was said before changes nothing. */
  done(place: Place, offset: Offset): void {
    if (offset > (this.#done.get(place) ?? -1)) this.#done.set(place, offset)
  }

  /** Starts over: less may be done from now on. */
  forget(place: Place): void {
    this.#done.delete(place)
    this.#told.delete(place)
  }

  /** What the broker should be told. */
  untold(): ReadonlyMap<Place, Offset> {
    return new Map([...this.#done].filter(([place, offset]) => this.#told.get(place) !== offset))
  }

  /** The broker has been told. */
  told(offsets: ReadonlyMap<Place, Offset>): void {
    for (const [place, offset] of offsets) if (this.#done.has(place)) this.#told.set(place, offset)
  }
}
