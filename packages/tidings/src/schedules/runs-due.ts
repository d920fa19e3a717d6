import type { SchedulePlan } from './define-schedule.ts'
import { nextRun } from './next-run.ts'
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

/** What is to be run by now, and when it goes on. Counted from the schedule's own times, not from the clock's, so a clock that jumps repeats nothing. */
export function runsDue(plan: SchedulePlan, { due }: Pick<ScheduleDocument, 'due'>, now: number): RunsDue {
  const all: number[] = []
  let next = due
  let skipped = 0
  while (next !== undefined && next <= now) {
    all.push(next)
    if (all.length > most) {
      all.shift()
      skipped++
    }
    next = nextRun(plan.cron, plan.zone, next)
  }
  const isMissed = (at: number): boolean => now - at > grace
  const runs = plan.missed === 'all' ? all : plan.missed === 'once' ? all.slice(-1) : all.filter((at) => !isMissed(at))
  return { runs, skipped: skipped + all.length - runs.length, next }
}
