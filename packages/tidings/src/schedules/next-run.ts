import type { Cron } from './cron.ts'
import { runDays } from './run-days.ts'
import type { Zone } from './zone.ts'

/** The first time after `after` at which it runs, in milliseconds since 1970; undefined: there is none. See `runDays`. */
export function nextRun(cron: Cron, zone: Zone, after: number): number | undefined {
  for (const [first] of runDays(cron, zone, after)) return first
  return undefined
}
