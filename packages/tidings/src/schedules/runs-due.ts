import type { SchedulePlan } from './define-schedule.ts'
import { runDays } from './run-days.ts'
import type { ScheduleDocument } from './schedule-document.ts'

/** Most runs that are made up for. */
const most = 1_000
/** A run is late, not missed, up to here, in milliseconds: somebody was there, and was busy. */
const grace = 60_000

export interface RunsDue {
  /** The times to run for, ascending. */
  readonly runs: readonly number[]
  /** How many were left out. */
  readonly skipped: number
  /** When it is due next; undefined: never again. */
  readonly next: number | undefined
}

/**
 * What is to be run by now, and when it goes on. Counted from the schedule's own times, not from the clock's, so a clock that jumps repeats nothing.
 * After each day of runs that is behind, it waits for `pause`: a schedule may have been away for months.
 */
export async function runsDue(
  plan: SchedulePlan,
  { due }: Pick<ScheduleDocument, 'due'>,
  now: number,
  pause: () => Promise<void>,
): Promise<RunsDue> {
  if (due === undefined || due > now) return { runs: [], skipped: 0, next: due }
  let count = 1
  let last = [due]
  let next: number | undefined
  for (const day of runDays(plan.cron, plan.zone, due)) {
    next = day.find((at) => at > now)
    const passed = next === undefined ? day : day.slice(0, day.indexOf(next))
    count += passed.length
    last = [...last, ...passed].slice(-most)
    if (next !== undefined) break
    await pause()
  }
  const isMissed = (at: number): boolean => now - at > grace
  const runs =
    plan.missed === 'all' ? last : plan.missed === 'once' ? last.slice(-1) : last.filter((at) => !isMissed(at))
  return { runs, skipped: count - runs.length, next }
}
