import { TidingsError } from '../kernel/errors.ts'

/** When something runs, in the fields of a wall clock. */
export interface Cron {
  /** Ascending. */
  readonly minutes: readonly number[]
  readonly hours: readonly number[]
  readonly daysOfMonth: ReadonlySet<number>
  readonly months: ReadonlySet<number>
  /** 0 is Sunday. */
  readonly daysOfWeek: ReadonlySet<number>
  /** Where neither of them begins with `*`, a day matches by either. */
  readonly eitherDay: boolean
  /** The hour begins with `*`: it runs by the clock's ticking, not at a time of day, which matters where the clock is changed. */
  readonly everyHour: boolean
}

interface Field {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly names?: readonly string[]
}

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

const fields: readonly Field[] = [
  { name: 'minute', from: 0, to: 59 },
  { name: 'hour', from: 0, to: 23 },
  { name: 'day of month', from: 1, to: 31 },
  { name: 'month', from: 1, to: 12, names: monthNames },
  { name: 'day of week', from: 0, to: 7, names: dayNames },
]

const shorthands: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
}

/**
 * Reads five fields: minute, hour, day of month, month, day of week; each `*`, a number, a range `1-5`, a list `1,3`, a step `0-59/15` or `8-18/2`. Months and
 * days of the week by name, too; 7 is Sunday. Or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. Throws `TIDINGS_INVALID_OPTION`.
 */
export function parseCron(text: string): Cron {
  if (typeof text !== 'string' || text.length > 200) throw refuse('text of at most 200 characters')
  const written = Object.hasOwn(shorthands, text.trim()) ? (shorthands[text.trim()] as string) : text
  const parts = written.trim().split(/\s+/)
  if (parts.length !== fields.length) throw refuse(`five fields, as in '0 7 * * 1-5', got ${parts.length}`)
  const [minutes, hours, daysOfMonth, months, days] = fields.map((field, at) => readField(parts[at] as string, field))
  const [, hour, dayOfMonth, , dayOfWeek] = parts as [string, string, string, string, string]
  return {
    minutes: ascending(minutes),
    hours: ascending(hours),
    daysOfMonth: daysOfMonth as ReadonlySet<number>,
    months: months as ReadonlySet<number>,
    daysOfWeek: new Set([...(days as ReadonlySet<number>)].map((day) => day % 7)),
    eitherDay: !dayOfMonth.startsWith('*') && !dayOfWeek.startsWith('*'),
    everyHour: hour.startsWith('*'),
  }
}

function readField(text: string, field: Field): ReadonlySet<number> {
  const values = new Set<number>()
  for (const part of text.split(',')) {
    const [range = '', step, ...more] = part.split('/')
    const by = step === undefined ? 1 : number(step, field)
    if (more.length > 0 || by < 1) throw refuse(`a step of at least 1 in its ${field.name}`)
    const [from, to] = rangeOf(range, field, step !== undefined)
    if (from > to) throw refuse(`a range that ascends in its ${field.name}`)
    for (let value = from; value <= to; value += by) values.add(value)
  }
  return values
}

function rangeOf(text: string, field: Field, stepped: boolean): readonly [number, number] {
  if (text === '*') return [field.from, field.name === 'day of week' ? 6 : field.to]
  const [from = '', to, ...more] = text.split('-')
  if (more.length > 0) throw refuse(`a number, a range or \`*\` as its ${field.name}`)
  const first = value(from, field)
  return [first, to === undefined ? (stepped ? field.to : first) : value(to, field)]
}

function value(text: string, field: Field): number {
  const named = field.names?.indexOf(text.toLowerCase()) ?? -1
  const read = named === -1 ? number(text, field) : named + (field.name === 'month' ? 1 : 0)
  if (read < field.from || read > field.to) throw refuse(`its ${field.name} from ${field.from} to ${field.to}`)
  return read
}

function number(text: string, field: Field): number {
  if (/^\d{1,2}$/.test(text)) return Number(text)
  throw refuse(`numbers, ranges, lists and steps as its ${field.name}`)
}

function ascending(values: ReadonlySet<number> | undefined): readonly number[] {
  return [...(values ?? [])].toSorted((a, b) => a - b)
}

function refuse(rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`cron\` to have ${rule}.`, {
    details: { field: 'cron' },
  })
}
