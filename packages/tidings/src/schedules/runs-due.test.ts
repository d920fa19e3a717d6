import { describe, expect, it } from 'vitest'

import { parseCron } from './cron.ts'
import type { SchedulePlan } from './define-schedule.ts'
import { runsDue } from './runs-due.ts'
import { zoneOf } from './zone.ts'

const minute = 60_000
const day = 86_400_000

/** What is due of a schedule, and how often its zone was asked and others were let in meanwhile. */
async function due(cron: string, zone: string, missed: SchedulePlan['missed'], from: number, now: number) {
  const real = zoneOf(zone)
  let asked = 0
  let pauses = 0
  let most = 0
  let atLast = 0
  const plan = {
    cron: parseCron(cron),
    zone: {
      name: zone,
      offset(at: number) {
        asked++
        most = Math.max(most, asked - atLast)
        return real.offset(at)
      },
    },
    missed,
  } as SchedulePlan
  const { runs, skipped, next } = await runsDue(plan, { due: from }, now, () => {
    pauses++
    atLast = asked
    return Promise.resolve()
  })
  return { runs, skipped, next, asked, pauses, most }
}

describe('runs that are due after a long time', () => {
  it.each(['UTC', 'Europe/Berlin', 'Asia/Kolkata', 'Australia/Lord_Howe'])(
    'are found in %s by few questions, and others are let in after each day',
    async (zone) => {
      // 60 days, with a change of the clock in Berlin and on Lord Howe Island.
      const [from, now] = [Date.UTC(2026, 2, 1), Date.UTC(2026, 2, 1) + 60 * day]
      for (const missed of ['skip', 'once', 'all'] as const) {
        const { runs, skipped, next, asked, pauses, most } = await due('* * * * *', zone, missed, from, now)
        const expected = missed === 'skip' ? [now - minute, now] : missed === 'once' ? [now] : undefined
        if (expected === undefined) {
          expect([runs.length, runs[0], runs.at(-1)]).toEqual([1_000, now - 999 * minute, now])
        } else expect(runs).toEqual(expected)
        expect({ skipped, next }).toEqual({ skipped: 60 * 1_440 + 1 - runs.length, next: now + minute })
        expect(asked).toBeLessThan(250)
        expect(most).toBeLessThan(50)
        expect(pauses).toBeGreaterThanOrEqual(59)
      }
    },
  )

  it('are walked through as one after another tells them, where the clock is changed', async () => {
    for (const [cron, zone, from, expected] of [
      ['30 2 * * *', 'Europe/Berlin', '2026-03-28T01:30Z', ['28T01:30', '29T01:00', '30T00:30']],
      ['30 2 * * *', 'Europe/Berlin', '2026-10-24T00:30Z', ['24T00:30', '25T00:30', '26T01:30']],
      ['0 */2 * * *', 'Europe/Berlin', '2026-10-24T22:00Z', ['24T22:00', '25T00:00', '25T01:00', '25T03:00']],
      ['15 2 * * *', 'Australia/Lord_Howe', '2026-10-02T15:45Z', ['02T15:45', '03T15:30', '04T15:15']],
      ['0 0 * * *', 'America/Havana', '2026-03-07T05:00Z', ['07T05:00', '08T05:00', '09T04:00']],
      ['30 23 * * *', 'America/Nuuk', '2026-10-24T00:30Z', ['24T00:30', '25T00:30', '26T01:30']],
    ] as const) {
      const { runs } = await due(cron, zone, 'all', Date.parse(from), Date.parse(from) + 52 * 3_600_000)
      const told = runs.map((at) => new Date(at).toISOString().slice(8, 16))
      expect(told.slice(0, expected.length), `${cron} in ${zone}`).toEqual(expected)
    }
  })

  it('are few questions for one that runs each minute, on the day of the change itself', async () => {
    const at = Date.UTC(2026, 2, 29, 0, 30)
    const { asked, next } = await due('* * * * *', 'Europe/Berlin', 'once', at, at)
    expect(next).toBe(at + minute)
    expect(asked).toBeLessThan(100)
  })

  it('are none before their time, and ask nothing', async () => {
    expect(await due('* * * * *', 'UTC', 'all', 5 * minute, 4 * minute)).toMatchObject({
      runs: [],
      next: 5 * minute,
      asked: 0,
    })
  })
})
