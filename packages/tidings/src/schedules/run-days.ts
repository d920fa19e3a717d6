import type { Cron } from './cron.ts'
import type { Zone } from './zone.ts'

const minute = 60_000
const day = 86_400_000
/** The 29th of February comes after eight years at the latest. */
const farthest = 9 * 366

/**
 * The times after `after` at which it runs, in milliseconds since 1970, day by day of the wall clock: each a list that ascends and is not empty. It ends
 * where no day of the next nine years has any. A time of day that the clock's change leaves out runs when the clock has been put forward; one that comes
 * twice runs the first time. What runs every hour, or in steps of hours, goes by the ticking instead: it runs neither more nor less often on such a day than
 * the hours that pass.
 *
 * Whoever goes on asks the zone once a day, and some thirty times more around a change of the clock: asking is what costs.
 */
export function* runDays(cron: Cron, zone: Zone, after: number): Generator<readonly number[]> {
  const offsets = new Map<number, number>()
  const offsetOn = (date: number): number => {
    const offset = offsets.get(date) ?? zone.offset(date * day)
    offsets.set(date, offset)
    return offset
  }
  const times = cron.hours.flatMap((hour) => cron.minutes.map((minutes) => (hour * 60 + minutes) * minute))
  let last = after
  let found = Math.floor((after + zone.offset(after)) / day)
  for (let date = found - 1; date < found + farthest; date++) {
    if (!isDay(cron, date)) continue
    const runs = runsOf(cron, zone, times, date, offsetOn).filter((at) => at > last)
    offsets.delete(date - 1)
    if (runs.length === 0) continue
    yield runs
    last = runs.at(-1) as number
    found = date
  }
}

/** Whether it runs on a day, counted from 1970-01-01. */
function isDay({ daysOfMonth, months, daysOfWeek, eitherDay }: Cron, date: number): boolean {
  const at = new Date(date * day)
  if (!months.has(at.getUTCMonth() + 1)) return false
  const byMonth = daysOfMonth.has(at.getUTCDate())
  const byWeek = daysOfWeek.has(at.getUTCDay())
  return eitherDay ? byMonth || byWeek : byMonth && byWeek
}

/** The instants of one day of the wall clock, ascending. `times`: those of its day, in milliseconds, ascending. */
function runsOf(
  cron: Cron,
  zone: Zone,
  times: readonly number[],
  date: number,
  offsetOn: (date: number) => number,
): readonly number[] {
  const begin = date * day
  // Zones are less than a day from UTC, so these lie around all instants that the day may have.
  const [before, afterwards] = [offsetOn(date - 1), offsetOn(date + 2)]
  if (before === afterwards) return times.map((time) => begin + time - before)
  const changed = change(zone, begin - day, begin + 2 * day)
  const runs = new Set(times.flatMap((time) => instants(cron, begin + time, before, afterwards, changed)))
  return [...runs].toSorted((a, b) => a - b)
}

/** Where the clock is changed around this day: none, one or two instants at which it shows this. */
function instants(cron: Cron, wall: number, before: number, afterwards: number, changed: number): readonly number[] {
  const found: number[] = []
  if (wall - before < changed) found.push(wall - before)
  if (wall - afterwards >= changed) found.push(wall - afterwards)
  if (found.length > 0) return cron.everyHour ? found : found.slice(0, 1)
  return cron.everyHour ? [] : [changed]
}

/** The instant between two at which the clock is changed. */
function change(zone: Zone, from: number, to: number): number {
  const old = zone.offset(from)
  let [low, high] = [from, to]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (zone.offset(middle) === old) low = middle
    else high = middle
  }
  return high
}
