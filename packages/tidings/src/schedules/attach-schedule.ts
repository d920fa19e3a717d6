import type { Attached } from '../bus/attachment.ts'
import { type BusParts, partsOf } from '../bus/bus-parts.ts'
import type { EventBus } from '../bus/event-bus.ts'
import type { EventRecord } from '../events/record.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Timer } from '../kernel/runtime.ts'
import type { SchedulePlan, ScheduleRun } from './define-schedule.ts'
import { isOurs, registerSchedule } from './register-schedule.ts'
import { runsDue } from './runs-due.ts'
import {
  findSchedule,
  type KeptSchedule,
  putSchedule,
  type ScheduleDocument,
  unchangedSchedule,
} from './schedule-document.ts'

/** Longest time between looks, in milliseconds: operators ask, and the wall clock may be moved. */
const every = 1_000
/** What is undone for so long is done by nobody, in milliseconds: longer than one waits who failed. */
const abandoned = 300_000

/** Puts a schedule onto a bus. Throws `TIDINGS_NOT_SUPPORTED` where nothing is remembered. */
export function attachSchedule(bus: EventBus, plan: SchedulePlan): Attached {
  const parts = partsOf(bus)
  if (parts.direct)
    throw new TidingsError(
      'TIDINGS_NOT_SUPPORTED',
      `The schedule ${plan.name} needs a store that remembers its runs.`,
      {
        details: { schedule: plan.name },
      },
    )
  const looking = new ScheduleWatch(bus.source, parts, plan)
  return {
    prepare: () => looking.register(),
    started: () => looking.start(),
    busy: () => (looking.busy ? `schedule ${plan.name} runs` : undefined),
    close: () => looking.close(),
  }
}

/** Looks after one schedule in this process; others look, too, and the version of its document decides who has a run. */
class ScheduleWatch {
  readonly #source: string
  readonly #parts: BusParts
  readonly #plan: SchedulePlan
  #timer: Timer | undefined
  #closed = false
  #failures = 0
  /** Set where the schedule is another's: since when it has seen it due, as it stands. */
  #undone: { readonly version: number; readonly since: number } | undefined
  busy = false

  constructor(source: string, parts: BusParts, plan: SchedulePlan) {
    this.#source = source
    this.#parts = parts
    this.#plan = plan
  }

  register(): Promise<void> {
    return registerSchedule(this.#parts.store, this.#parts.runtime, this.#plan)
  }

  start(): void {
    this.#wakeIn(0)
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  #wakeIn(ms: number): void {
    if (!this.#closed) this.#timer = this.#parts.runtime.setTimer(Math.max(0, ms), () => void this.#look())
  }

  async #look(): Promise<void> {
    const { store, runtime, log } = this.#parts
    let next = every
    try {
      const kept = await findSchedule(store, this.#plan.name)
      if (kept !== undefined && !isOurs(kept.schedule, this.#plan)) await this.#leave(kept)
      else if (kept !== undefined && isDue(kept.schedule, runtime.now())) {
        this.busy = true
        await this.#run(kept)
        next = 0
      } else if (kept?.schedule.due !== undefined && !kept.schedule.paused)
        next = Math.min(every, kept.schedule.due - runtime.now())
      this.#failures = 0
    } catch (error) {
      if (this.#failures++ === 0)
        log('error', 'A scheduled run could not be made; it is tried again', {
          schedule: this.#plan.name,
          error: (error as Error).message,
        })
      next = Math.min(60_000, every * 2 ** Math.min(this.#failures, 6))
    }
    this.busy = false
    this.#wakeIn(next)
  }

  /**
   * Its times were changed, by newer code or by older: who runs it by others would set it back. Where nobody is left who has the times it is kept with,
   * what is due stays undone, and then it begins anew with ours.
   */
  async #leave({ version, schedule }: KeptSchedule): Promise<void> {
    const { runtime, log } = this.#parts
    const { name, written, zone } = this.#plan
    const left = { schedule: name, cron: schedule.cron, timezone: schedule.timezone, own: `${written} ${zone.name}` }
    if (this.#undone === undefined) log('info', 'A schedule is left to instances that know it with other times', left)
    const now = runtime.monotonic()
    const isUndone = this.#undone?.version === version && isDue(schedule, runtime.now())
    if (!isUndone) this.#undone = { version, since: now }
    else if (now - (this.#undone?.since ?? now) >= abandoned) {
      log('warn', 'A schedule that nobody runs by the times it is kept with begins anew', left)
      await this.register()
    }
  }

  /** Publishes what is due, and says when it goes on, in one unit: nobody else makes the same runs, and nobody has changed its times meanwhile. */
  async #run({ version, schedule }: KeptSchedule): Promise<void> {
    const { committer, publisher, runtime, log } = this.#parts
    const plan = this.#plan
    const now = runtime.now()
    const { runs, skipped, next } = schedule.paused
      ? { runs: [], skipped: 0, next: schedule.due }
      : await runsDue(plan, schedule, now, () => new Promise((resolve) => runtime.defer(resolve)))
    const records: EventRecord[] = []
    for (const at of runs)
      records.push(...(await this.#records({ schedule: plan.name, at }, new Date(at).toISOString())))
    for (const { id, by } of schedule.asked)
      records.push(...(await this.#records({ schedule: plan.name, at: now, triggeredBy: by }, id)))
    const { due: _due, ...rest } = schedule
    const last = runs.at(-1) ?? schedule.last
    const changed: ScheduleDocument = {
      ...rest,
      ...(next === undefined ? {} : { due: next }),
      ...(last === undefined ? {} : { last }),
      runs: schedule.runs + runs.length + schedule.asked.length,
      asked: [],
    }
    const expect = [unchangedSchedule(plan.name, version)]
    const result = await committer.commit({
      expect,
      documents: [putSchedule(changed), ...publisher.promises(records)],
      ...(records.length === 0 ? {} : { append: records }),
    })
    // A conflict: another instance has made these runs, or an operator was faster.
    if (result.status === 'refused') throw result.error
    if (result.status !== 'committed') return
    if (skipped > 0) log('warn', 'Scheduled runs were missed and are left out', { schedule: plan.name, runs: skipped })
    // Stored already, by an earlier life of this schedule: what is left is to go on.
    if (result.repeated) await committer.commit({ expect, documents: [putSchedule(changed)] })
    else if (records.length > 0) this.#parts.hearLater(records, result.events)
  }

  /** Named by schedule and time, so that a run is stored once, whatever becomes of its document. */
  async #records(run: ScheduleRun, name: string): Promise<readonly EventRecord[]> {
    const made = this.#plan.publish(run)
    const drafts = Array.isArray(made) ? made : [made]
    return Promise.all(
      drafts.map(async (draft, at) =>
        this.#parts.publisher.prepare(draft, {
          id: `${this.#source}-${this.#plan.name}-${name}${at === 0 ? '' : `-${at}`}`,
          timestamp: run.at,
        }),
      ),
    )
  }
}

function isDue({ due, paused, asked }: ScheduleDocument, now: number): boolean {
  return asked.length > 0 || (!paused && due !== undefined && due <= now)
}
