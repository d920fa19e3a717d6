import type { Offset } from 'tidings/spi'

import { partitionNumber } from '../topics/partition-number.ts'
import type { Topics } from '../topics/topics.ts'
import type { Place } from './assignment.ts'
import { parsePlace } from './membership-wire.ts'

/** One term in which a partition is ours. A partition that is given away and comes back gets a new one. */
export interface Term {
  readonly place: Place
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  /** What the port calls it. */
  readonly number: number
  /** `assigning`: the sink is being asked where to begin, or the broker. `leaving`: the sink was told to finish, or is about to be. */
  stage: 'assigning' | 'reading' | 'leaving'
  /** An offset that was sought before reading had begun; it counts for more than any answer. */
  sought: Offset | undefined
}

/** The terms of a consumer, by place and by number. */
export class Terms {
  readonly #topics: Topics
  readonly #byPlace = new Map<Place, Term>()
  readonly #byNumber = new Map<number, Term>()

  constructor(topics: Topics) {
    this.#topics = topics
  }

  get all(): readonly Term[] {
    return [...this.#byPlace.values()]
  }

  get places(): readonly Place[] {
    return [...this.#byPlace.keys()]
  }

  has(place: Place): boolean {
    return this.#byPlace.has(place)
  }

  numbered(number: number): Term | undefined {
    return this.#byNumber.get(number)
  }

  /** Begins terms. Places of topics that were deleted meanwhile get none: if those come back, the group is joined again. */
  begin(places: readonly Place[]): readonly Term[] {
    const begun: Term[] = []
    for (const place of places) {
      const { topic, partition } = parsePlace(place)
      const topicId = this.#topics.state(topic)?.id
      if (topicId === undefined) continue
      const number = partitionNumber(topicId, partition)
      const term: Term = { place, topic, topicId, partition, number, stage: 'assigning', sought: undefined }
      this.#byPlace.set(place, term)
      this.#byNumber.set(number, term)
      begun.push(term)
    }
    return begun
  }

  end(term: Term): void {
    if (this.#byPlace.get(term.place) === term) this.#byPlace.delete(term.place)
    if (this.#byNumber.get(term.number) === term) this.#byNumber.delete(term.number)
  }
}
