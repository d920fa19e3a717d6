import { TidingsError } from '../kernel/errors.ts'

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
