import { TidingsError } from '../kernel/errors.ts'
import type { DocumentChange, Expectation, Store, StoredDocument } from '../store/store.ts'

/** Collection of schedules, by name. Indexed by when they are due. */
export const schedulesCollection = 'schedules'

/** A schedule as it is kept. Times are milliseconds since 1970. */
export interface ScheduleDocument {
  readonly name: string
  readonly cron: string
  readonly timezone: string
  readonly missed: 'skip' | 'once' | 'all'
  /** Its next run; absent where there is none. */
  readonly due?: number
  readonly paused: boolean
  /** The time of the last run that was made, and how many there were. */
  readonly last?: number
  readonly runs: number
  /** Runs that operators have asked for and nobody has made yet. */
  readonly asked: readonly { readonly id: string; readonly by: string; readonly at: number }[]
}

export interface KeptSchedule {
  readonly version: number
  readonly schedule: ScheduleDocument
}

export async function findSchedule(store: Store, name: string): Promise<KeptSchedule | undefined> {
  const [found] = await store.find(schedulesCollection, { id: name })
  return found === undefined ? undefined : { version: found.version, schedule: readSchedule(found) }
}

export function readSchedule({ body }: Pick<StoredDocument, 'body'>): ScheduleDocument {
  return JSON.parse(body) as ScheduleDocument
}

export function putSchedule(schedule: ScheduleDocument): DocumentChange {
  const { name: id, due, paused } = schedule
  return {
    collection: schedulesCollection,
    id,
    put: JSON.stringify(schedule),
    index: due === undefined || paused ? {} : { due },
  }
}

export function unchangedSchedule(name: string, version: number): Expectation {
  return { collection: schedulesCollection, id: name, version }
}

/** Changes it, whoever else does at the same time. Rejects with `TIDINGS_NOT_FOUND` where there is none. */
export async function changeSchedule(
  store: Store,
  name: string,
  change: (schedule: ScheduleDocument) => ScheduleDocument,
  beside: readonly DocumentChange[] = [],
): Promise<ScheduleDocument> {
  for (;;) {
    const kept = await findSchedule(store, name)
    if (kept === undefined)
      throw new TidingsError(
        'TIDINGS_NOT_FOUND',
        `There is no schedule ${JSON.stringify(String(name).slice(0, 120))} in this store.`,
        { details: { field: 'name' } },
      )
    const schedule = change(kept.schedule)
    const [result] = await store.commit([
      { expect: [unchangedSchedule(name, kept.version)], documents: [putSchedule(schedule), ...beside] },
    ])
    if (result?.status === 'refused') throw result.error
    if (result?.status === 'committed') return schedule
  }
}
