const day = 86_400_000

/** Times come in the order in which things happen: nearly all are of the day of the one before. */
let writtenDay = Number.NaN
let writtenText = ''
let readText = ''
let readDay = Number.NaN

/** Milliseconds since 1970 as `2026-01-01T00:00:00.123Z`; what `Date` writes, at a fraction of its cost. Throws RangeError where it is no time. */
export function isoTime(ms: number): string {
  const whole = Math.trunc(ms)
  const start = Math.floor(whole / day) * day
  if (start !== writtenDay) {
    const text = new Date(ms).toISOString()
    // Years of more than four digits are written in another way.
    if (text.length !== 24) return text
    writtenDay = start
    writtenText = text.slice(0, 11)
  }
  const rest = whole - start
  const seconds = Math.floor(rest / 1_000)
  const minutes = Math.floor(seconds / 60)
  return `${writtenText}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:${two(seconds % 60)}.${three(rest % 1_000)}Z`
}

/** Milliseconds since 1970 of a text exactly as `isoTime` writes it; undefined for every other text. */
export function fromIsoTime(text: string): number | undefined {
  if (text.length !== 24 || !clock.test(text)) return undefined
  const date = text.slice(0, 11)
  if (date !== readText) {
    const start = Date.parse(`${date}00:00:00.000Z`)
    // Date.parse takes 30 February for 2 March.
    if (Number.isNaN(start) || new Date(start).toISOString().slice(0, 11) !== date) return undefined
    readText = date
    readDay = start
  }
  return (
    readDay +
    digits(text, 11) * 3_600_000 +
    digits(text, 14) * 60_000 +
    digits(text, 17) * 1_000 +
    digits(text, 20) * 10 +
    digit(text, 22)
  )
}

const clock = /^.{11}(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/

function digit(text: string, at: number): number {
  return text.charCodeAt(at) - 48
}

/** Two digits. */
function digits(text: string, at: number): number {
  return digit(text, at) * 10 + digit(text, at + 1)
}

function two(value: number): string {
  return value < 10 ? `0${value}` : `${value}`
}

function three(value: number): string {
  return value < 10 ? `00${value}` : value < 100 ? `0${value}` : `${value}`
}
