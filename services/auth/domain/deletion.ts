/** How far a deletion has come. */
export interface Deletion {
  readonly stage: 'begun' | 'farewell' | 'erasing' | 'done'
  /** Who is asked. Fixed when the deletion begins, so that a configuration that changes meanwhile leaves nobody out. */
  readonly services: readonly string[]
  /** Who has answered. */
  readonly erased: readonly string[]
  /** How often those who are missing were asked. */
  readonly asked: number
  readonly stuck: boolean
}

export function deletionOf(services: readonly string[]): Deletion {
  return { stage: 'begun', services: [...services], erased: [], asked: 0, stuck: false }
}

export function missingOf({ services, erased }: Deletion): readonly string[] {
  return services.filter((service) => !erased.includes(service))
}

const hour = 3_600_000

/** Milliseconds until those who have not answered are asked again: doubles with every time, up to an hour, or to `first` where that is longer. */
export function nextAsk(first: number, asked: number): number {
  return Math.min(first * 2 ** Math.min(asked - 1, 20), Math.max(hour, first))
}
