import { TidingsError } from './errors.ts'

/** A length of time: milliseconds as a number, or text such as `'250ms'`, `'30s'`, `'5m'`, `'1h'`, `'90d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of a duration. Throws `TIDINGS_INVALID_OPTION` naming `field` for anything else. */
export function milliseconds(duration: Duration, field = 'duration'): number {
  if (typeof duration === 'number') {
    if (Number.isFinite(duration) && duration >= 0) return duration
  } else if (typeof duration === 'string') {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration)
    const length = match === null ? Number.NaN : Number(match[1]) * unit[match[2] as keyof typeof unit]
    if (Number.isFinite(length)) return length
  }
  throw new TidingsError(
    'TIDINGS_INVALID_OPTION',
    `Expected \`${field}\` to be milliseconds or text such as '30s', got ${describe(duration)}.`,
    {
      details: { field },
    },
  )
}

function describe(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : `\`${String(value)}\` (${typeof value})`
}
