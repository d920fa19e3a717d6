import type { Unit } from '../store/store.ts'

/**
 * What a commit is for, told from what it writes:
 *   `publish`     events, by a publisher
 *   `settle`      effects of a handler, or events it publishes, with the checkpoint
 *   `checkpoint`  a checkpoint alone: handled without effects, or idle progress
 *   `park`        sets an event aside, or takes it back
 *   `fence`       takes a partition over
 *   `effect`      the record of an external call
 *   `mark`        a handler's own transaction
 *   `request`     asks something of a subscription, or answers it
 *   `register`    a subscription's registration
 *   `membership`  signs of life, and who owns which partitions
 *   `inline`      the promise of an inline listener, or its end
 *   `projection`  a projection's generations: made, compared, switched, taken away
 *   `saga`        the state of a saga
 *   `timer`       a timer, or what it publishes
 *   `other`       anything else
 */
export const commitPlaces = [
  'publish',
  'settle',
  'checkpoint',
  'park',
  'fence',
  'effect',
  'mark',
  'request',
  'register',
  'membership',
  'inline',
  'projection',
  'saga',
  'timer',
  'other',
] as const

export type CommitPlace = (typeof commitPlaces)[number]

const byCollection: Readonly<Record<string, CommitPlace>> = {
  parked: 'park',
  fences: 'fence',
  effects: 'effect',
  marks: 'mark',
  requests: 'request',
  subscriptions: 'register',
  instances: 'membership',
  owners: 'membership',
  inline: 'inline',
  sagas: 'saga',
  timers: 'timer',
  projections: 'projection',
}

/** All places that the units of one commit belong to. */
export function placesOf(units: readonly Unit[]): Set<CommitPlace> {
  const places = new Set<CommitPlace>()
  for (const unit of units) {
    const before = places.size
    const settles = unit.documents?.some(({ collection }) => collection === 'checkpoints') === true
    const writes = (unit.append?.length ?? 0) > 0 || (unit.statements?.length ?? 0) > 0
    for (const { collection } of unit.documents ?? []) {
      const place = byCollection[collection]
      if (place !== undefined) places.add(place)
    }
    if (settles) places.add(writes ? 'settle' : 'checkpoint')
    else if (writes) places.add('publish')
    if (places.size === before && !settles && !writes) places.add('other')
  }
  return places
}
