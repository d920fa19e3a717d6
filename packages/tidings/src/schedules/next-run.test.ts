import { describe, expect, it } from 'vitest'

import { parseCron } from './cron.ts'
import { nextRun } from './next-run.ts'
import { zoneOf } from './zone.ts'

/** The next runs after a time, as they are written in UTC. */
function runs(cron: string, zone: string, after: string, count = 3): readonly string[] {
  const all: string[] = []
  const place = zoneOf(zone)
  for (let at = Date.parse(after); all.length < count; ) {
    const next = nextRun(parseCron(cron), place, at)
    if (next === undefined) break
    all.push(new Date(next).toISOString().replace(':00.000Z', 'Z'))
    at = next
  }
  return all
}

describe('the next run of a schedule', () => {
  it.each([
    ['0 7 * * 1-5', 'UTC', '2026-01-02T07:00Z', ['2026-01-05T07:00Z', '2026-01-06T07:00Z', '2026-01-07T07:00Z']],
    ['*/20 8-9 * * *', 'UTC', '2026-01-01T08:21Z', ['2026-01-01T08:40Z', '2026-01-01T09:00Z', '2026-01-01T09:20Z']],
    ['0 0 29 2 *', 'UTC', '2026-01-01T00:00Z', ['2028-02-29T00:00Z', '2032-02-29T00:00Z', '2036-02-29T00:00Z']],
    ['0 0 13 * fri', 'UTC', '2026-02-12T23:59Z', ['2026-02-13T00:00Z', '2026-02-20T00:00Z', '2026-02-27T00:00Z']],
    ['30 12 1 jan,JUL *', 'UTC', '2026-01-01T12:30Z', ['2026-07-01T12:30Z', '2027-01-01T12:30Z', '2027-07-01T12:30Z']],
    ['0 0 * * 7', 'UTC', '2026-01-01T00:00Z', ['2026-01-04T00:00Z', '2026-01-11T00:00Z', '2026-01-18T00:00Z']],
    ['@monthly', 'UTC', '2026-01-31T00:00Z', ['2026-02-01T00:00Z', '2026-03-01T00:00Z', '2026-04-01T00:00Z']],
    ['0 0 31 2 *', 'UTC', '2026-01-01T00:00Z', []],
  ])('%s in %s after %s', (cron, zone, after, expected) => {
    expect(runs(cron, zone, after)).toEqual(expected)
  })

  it('keeps to the wall clock when summer comes and goes', () => {
    expect(runs('0 7 * * *', 'Europe/Berlin', '2026-03-28T00:00Z')).toEqual([
      '2026-03-28T06:00Z',
      '2026-03-29T05:00Z',
      '2026-03-30T05:00Z',
    ])
    expect(runs('0 7 * * *', 'Europe/Berlin', '2026-10-24T00:00Z')).toEqual([
      '2026-10-24T05:00Z',
      '2026-10-25T06:00Z',
      '2026-10-26T06:00Z',
    ])
  })

  it('runs a time that is left out when the clock has been put forward', () => {
    expect(runs('30 2 * * *', 'Europe/Berlin', '2026-03-28T02:00Z')).toEqual([
      '2026-03-29T01:00Z',
      '2026-03-30T00:30Z',
      '2026-03-31T00:30Z',
    ])
  })

  it('runs a time that comes twice once', () => {
    expect(runs('30 2 * * *', 'Europe/Berlin', '2026-10-24T01:00Z', 2)).toEqual([
      '2026-10-25T00:30Z',
      '2026-10-26T01:30Z',
    ])
  })

  it('lets what runs by the ticking of the clock go on ticking', () => {
    expect(runs('30 * * * *', 'Europe/Berlin', '2026-03-28T23:40Z', 3)).toEqual([
      '2026-03-29T00:30Z',
      '2026-03-29T01:30Z',
      '2026-03-29T02:30Z',
    ])
    expect(runs('30 * * * *', 'Europe/Berlin', '2026-10-24T23:40Z', 3)).toEqual([
      '2026-10-25T00:30Z',
      '2026-10-25T01:30Z',
      '2026-10-25T02:30Z',
    ])
  })

  it('knows zones on the other side of the world, of half hours, and of half-hour summers', () => {
    expect(runs('0 9 * * *', 'Pacific/Kiritimati', '2026-01-01T00:00Z', 1)).toEqual(['2026-01-01T19:00Z'])
    expect(runs('0 9 * * *', 'Asia/Kolkata', '2026-01-01T00:00Z', 1)).toEqual(['2026-01-01T03:30Z'])
    expect(runs('15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00Z', 2)).toEqual([
      '2026-10-03T15:30Z',
      '2026-10-04T15:15Z',
    ])
  })

  it.each([
    '',
    '* * * *',
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * * 13 *',
    '* * * * 8',
    '5-1 * * * *',
    '*/0 * * * *',
    'a * * * *',
    '1/2/3 * * * *',
    '1,,2 * * * *',
    '@reboot',
    '-1 * * * *',
    '* * * * * *',
  ])('refuses %j', (text) => {
    expect(() => parseCron(text)).toThrow(expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION' }))
  })

  it('refuses a zone that there is not', () => {
    expect(() => zoneOf('Mars/Olympus')).toThrow(expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION' }))
  })
})
