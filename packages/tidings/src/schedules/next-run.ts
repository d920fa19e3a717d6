import { TidingsError } from '../kernel/errors.ts'
import type { Cron } from './cron.ts'

const minute = 60_000
const day = 86_400_000
/** The 29th of February comes after eight years at the latest. */
const farthest = 9 * 366

/** Tells instants from the wall clock of a zone. */
export interface Zone {
  readonly name: string
  /** Milliseconds by which its wall clock is ahead of UTC at this instant. */
  offset(at: number): number
}

/** A zone of the IANA database, such as `Europe/Berlin`. Throws `TIDINGS_INVALID_OPTION` for what is none. */
export function zoneOf(name: string): Zone {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch (error) {
    throw new TidingsError('TIDINGS_INVALID_OPTION', "Expected `timezone` to be a zone such as 'Europe/Berlin'.", {
      cause: error,
      details: { field: 'timezone' },
    })
  }
  return {
    name,
    offset(at) {
      const whole = Math.floor(at / 1_000) * 1_000
      const read: Record<string, number> = {}
      for (const { type, value } of format.formatToParts(whole)) read[type] = Number(value)
      const { year = 0, month = 1, day: date = 1, hour = 0, minute: minutes = 0, second = 0 } = read
      return Date.UTC(year, month - 1, date, hour, minutes, second) - whole
    },
  }
}

/**
 * The first time after `after` at which it runs, in milliseconds since 1970; undefined: there is none. A time of day that the clock's change leaves out runs
 * when the clock has been put forward; one that comes twice runs the first time. What runs every hour, or in steps of hours, goes by the ticking instead:
 * it runs neither more nor less often on such a day than the hours that pass.
 */
export function nextRun(cron: Cron, zone: Zone, after: number): number | undefined {
  const today = Math.floor((after + zone.offset(after)) / day)
  for (let date = today - 1; date < today + farthest; date++) {
    if (!isDay(cron, date)) continue
    const next = runsOf(cron, zone, date).find((at) => at > after)
    if (next !== undefined) return next
  }
  return undefined
}

/** Whether it runs on a day, counted from 1970-01-01. */
function isDay({ daysOfMonth, months, daysOfWeek, eitherDay }: Cron, date: number): boolean {
  const at = new Date(date * day)
  if (!months.has(at.getUTCMonth() + 1)) return false
  const byMonth = daysOfMonth.has(at.getUTCDate())
  const byWeek = daysOfWeek.has(at.getUTCDay())
  return eitherDay ? byMonth || byWeek : byMonth && byWeek
}

/** The instants of one day of the wall clock, ascending. */
function runsOf(cron: Cron, zone: Zone, date: number): readonly number[] {
  const begin = date * day
  // Zones are less than a day from UTC, so these lie around all instants that the day may have.
  const [before, afterwards] = [zone.offset(begin - day), zone.offset(begin + 2 * day)]
  const isPlain = before === afterwards
  const runs = new Set<number>()
  for (const hour of cron.hours)
    for (const minutes of cron.minutes) {
      const wall = begin + hour * 60 * minute + minutes * minute
      if (isPlain) runs.add(wall - before)
      else for (const at of instants(cron, zone, wall, before, afterwards)) runs.add(at)
    }
  return [...runs].toSorted((a, b) => a - b)
}

/** Where the clock is changed around this day: none, one or two instants at which it shows this. */
function instants(cron: Cron, zone: Zone, wall: number, before: number, afterwards: number): readonly number[] {
  const found = [...new Set([wall - before, wall - afterwards])]
    .filter((at) => at + zone.offset(at) === wall)
    .toSorted((a, b) => a - b)
  if (found.length > 0) return cron.everyHour ? found : found.slice(0, 1)
  return cron.everyHour ? [] : [change(zone, wall - Math.max(before, afterwards), wall - Math.min(before, afterwards))]
}

/** The instant between two at which the clock is changed. */
function change(zone: Zone, from: number, to: number): number {
  const old = zone.offset(from - 1)
  let [low, high] = [from - 1, to]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (zone.offset(middle) === old) low = middle
    else high = middle
  }
  return high
}
