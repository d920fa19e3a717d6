import { InvalidArgumentError } from 'commander'

const unit: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A time of the past as `15m` (that long ago) or RFC 3339, also a date alone; milliseconds since 1970. */
export function parseWhen(now: number): (text: string) => number {
  return (text) => {
    const ago = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)$/.exec(text)
    if (ago !== null) return now - Number(ago[1]) * (unit[ago[2] as string] as number)
    const date = /^\d{4}-\d\d-\d\d(?:[Tt]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d)?)?$/.test(text)
      ? Date.parse(text)
      : Number.NaN
    if (Number.isNaN(date))
      throw new InvalidArgumentError("Expected a time such as '15m' (ago), '2026-01-31' or '2026-01-31T12:00:00Z'.")
    return date
  }
}

/** A length of time as `30s`, in milliseconds. */
export function parseLength(text: string): number {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)$/.exec(text)
  if (match === null) throw new InvalidArgumentError("Expected a length of time such as '30s' or '5m'.")
  return Number(match[1]) * (unit[match[2] as string] as number)
}

export function parseCount(text: string): number {
  const value = Number(text)
  if (!/^\d{1,15}$/.test(text) || value < 1) throw new InvalidArgumentError('Expected a whole number of at least 1.')
  return value
}

/** Events a second. */
export function parseRate(text: string): number {
  const value = Number(text)
  if (!/^\d{1,9}(\.\d{1,6})?$/.test(text) || value <= 0)
    throw new InvalidArgumentError('Expected a number above 0, such as 100 or 0.5.')
  return value
}

export function parseCounts(text: string): readonly number[] {
  return text.split(',').map((part) => parseCount(part.trim()))
}

/** For options that may be given more than once. */
export function collect(text: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), text]
}
