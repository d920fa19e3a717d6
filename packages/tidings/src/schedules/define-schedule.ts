import type { Attachment } from '../bus/attachment.ts'
import type { EventDraft } from '../events/define-event.ts'
import { Mistakes } from '../kernel/mistakes.ts'
import { attachSchedule } from './attach-schedule.ts'
import { type Cron, parseCron } from './cron.ts'
import { type Zone, zoneOf } from './zone.ts'

export interface ScheduleOptions {
  /** Minute, hour, day of month, month, day of week, such as `0 7 * * 1-5`; or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. */
  readonly cron: string
  /** Whose clock: a zone such as `Europe/Berlin`. Default `UTC`. */
  readonly timezone?: string
  /** What is published at each run: drafts, made by the `create` of a definition. Called by whichever instance has the run. */
  readonly publish: (run: ScheduleRun) => EventDraft | readonly EventDraft[]
  /**
   * What becomes of runs that nobody was there for: `skip`: they are left out. `once`: one is made up for, the last. `all`: each, up to 1,000. Default `once`.
   */
  readonly missed?: 'skip' | 'once' | 'all'
}

export interface ScheduleRun {
  readonly schedule: string
  /** The time it is for, milliseconds since 1970; the events carry it as theirs. */
  readonly at: number
  /** Set where an operator has asked for it beside its times. */
  readonly triggeredBy?: string
}

export interface ScheduleDefinition extends Attachment {
  readonly kind: 'schedule'
}

/** A definition with every default filled in. */
export interface SchedulePlan {
  readonly name: string
  readonly cron: Cron
  readonly written: string
  readonly zone: Zone
  readonly missed: 'skip' | 'once' | 'all'
  readonly publish: ScheduleOptions['publish']
}

const optionNames: Readonly<Record<keyof ScheduleOptions, true>> = {
  cron: true,
  timezone: true,
  publish: true,
  missed: true,
}

const pattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,119}$/

/**
 * Events that are published at times of a wall clock. Its next run is a document of the store, so each run is made once over all instances, and a restart
 * forgets none. `bus.use` brings it along. Throws `TIDINGS_INVALID_OPTION` naming every mistake at once.
 */
export function defineSchedule(name: string, options: ScheduleOptions): ScheduleDefinition {
  const mistakes = new Mistakes()
  mistakes.refuseUnknown(options, optionNames)
  mistakes.expect(
    typeof name === 'string' && pattern.test(name),
    '`name` to be 1 to 120 letters, digits, `_`, `.` or `-`',
    name,
  )
  const { cron, timezone = 'UTC', publish, missed = 'once' } = options ?? ({} as ScheduleOptions)
  const read = mistakes.read<Cron | undefined>(() => parseCron(cron), undefined)
  const zone = mistakes.read<Zone | undefined>(() => zoneOf(timezone), undefined)
  mistakes.expect(typeof publish === 'function', '`publish` to be a function', publish)
  mistakes.expect(['skip', 'once', 'all'].includes(missed), "`missed` to be one of 'skip', 'once', 'all'", missed)
  mistakes.throwAny('Cannot define the schedule', { schedule: typeof name === 'string' ? name.slice(0, 120) : '' })
  const plan: SchedulePlan = Object.freeze({
    name,
    cron: read as Cron,
    written: cron,
    zone: zone as Zone,
    missed,
    publish,
  })
  return Object.freeze({
    kind: 'schedule' as const,
    name: `schedule.${name}`,
    attach: (bus: Parameters<Attachment['attach']>[0]) => attachSchedule(bus, plan),
  })
}
