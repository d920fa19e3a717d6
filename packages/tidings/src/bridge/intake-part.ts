import type { Offset } from '../transport/transport.ts'
import type { EventDelivery, Sifted } from './sift-deliveries.ts'

/** Deliveries that become true in one unit: `through` is how far the partition is done by it. */
export interface Part extends Sifted {
  readonly through: Offset
}

/**
 * The same in two parts, to be written one after the other: letters and events each by themselves, and only then less of each. Undefined where there
 * is one thing or none. A part says to be done only up to where nothing is left out, and letters up to no further than it is now, `before`.
 */
export function halvesOf(
  { append, dead, duplicates, through }: Part,
  before: Offset,
): readonly [Part, Part] | undefined {
  if (dead.length > 0 && append.length > 0) {
    return [
      { append: [], dead, duplicates, through: before },
      { append, dead: [], duplicates: 0, through },
    ]
  }
  if (append.length > 1) {
    const middle = append.length >> 1
    const first = append.slice(0, middle)
    return [
      { append: first, dead: [], duplicates, through: (first.at(-1) as EventDelivery).offset },
      { append: append.slice(middle), dead: [], duplicates: 0, through },
    ]
  }
  if (dead.length > 1) {
    const middle = dead.length >> 1
    return [
      { append: [], dead: dead.slice(0, middle), duplicates, through: before },
      { append: [], dead: dead.slice(middle), duplicates: 0, through },
    ]
  }
  return undefined
}
