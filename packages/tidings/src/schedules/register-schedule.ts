import type { Runtime } from '../kernel/runtime.ts'
import type { Store } from '../store/store.ts'
import type { SchedulePlan } from './define-schedule.ts'
import { nextRun } from './next-run.ts'
import { findSchedule, putSchedule, type ScheduleDocument, unchangedSchedule } from './schedule-document.ts'

/** Whether a schedule is kept with the times of this code, so that its next run can be told from them. */
export function isOurs({ cron, timezone }: ScheduleDocument, { written, zone }: SchedulePlan): boolean {
  return cron === written && timezone === zone.name
}

/** Makes a schedule known as this code has it. One whose times were changed begins anew, from now; what it had missed by its old times is over. */
export async function registerSchedule(store: Store, runtime: Runtime, plan: SchedulePlan): Promise<void> {
  const { name, written: cron, zone, missed } = plan
  for (;;) {
    const kept = await findSchedule(store, name)
    const known = kept?.schedule
    const isSame = known !== undefined && isOurs(known, plan)
    if (isSame && known.missed === missed) return
    const due = isSame ? known.due : nextRun(plan.cron, zone, runtime.now())
    const { due: _due, ...rest } = known ?? { name, paused: false, runs: 0, asked: [] }
    const schedule: ScheduleDocument = {
      ...rest,
      cron,
      timezone: zone.name,
      missed,
      ...(due === undefined ? {} : { due }),
    }
    const [result] = await store.commit([
      { expect: [unchangedSchedule(name, kept?.version ?? 0)], documents: [putSchedule(schedule)] },
    ])
    if (result?.status === 'refused') throw result.error
    if (result?.status === 'committed') return
  }
}
