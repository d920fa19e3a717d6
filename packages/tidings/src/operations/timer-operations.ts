import type { Runtime } from '../kernel/runtime.ts'
import { cancelTimer, listTimers, type ScheduledEvent } from '../publisher/timers/scheduled-event.ts'
import {
  changeSchedule,
  readSchedule,
  type ScheduleDocument,
  schedulesCollection,
} from '../schedules/schedule-document.ts'
import type { Store } from '../store/store.ts'
import { auditChange, checkedBy } from './audit.ts'
import { readDocuments } from './read-documents.ts'

export interface ScheduleRequestOptions {
  /** Who asks, for the audit. Default `operator`. */
  readonly by?: string | undefined
}

/** What waits for its time: events published later, timers of sagas among them, and schedules. */
export interface TimerOperations {
  /** The next due first. Default limit 1,000. */
  list(limit?: number): Promise<readonly ScheduledEvent[]>
  /** Takes an event back that is published later; true where this call has done it. */
  cancel(id: string, options?: ScheduleRequestOptions): Promise<boolean>
}

export interface ScheduleOperations {
  /** In order of name. */
  list(): Promise<readonly ScheduleDocument[]>
  /** No run is made until `resume`; those that fall due meanwhile are missed. */
  pause(name: string, options?: ScheduleRequestOptions): Promise<ScheduleDocument>
  /** Goes on; runs that were missed while it was paused go by its `missed`. */
  resume(name: string, options?: ScheduleRequestOptions): Promise<ScheduleDocument>
  /** Asks for a run now, beside its times; made by whichever instance looks first. */
  trigger(name: string, options?: ScheduleRequestOptions): Promise<ScheduleDocument>
}

export function timerOperations(store: Store, runtime: Runtime): TimerOperations {
  return {
    list: (limit) => listTimers(store, limit, true),
    async cancel(id, { by = 'operator' } = {}) {
      const who = checkedBy(by)
      const cancelled = await cancelTimer(store, id)
      if (cancelled) {
        const filter = { timer: id.slice(0, 400) }
        const change = auditChange({ id: runtime.id(), at: runtime.now(), by: who, action: 'cancel', filter })
        await store.commit([{ documents: [change] }])
      }
      return cancelled
    },
  }
}

export function scheduleOperations(store: Store, runtime: Runtime): ScheduleOperations {
  const change = (
    name: string,
    what: 'pause' | 'resume' | 'trigger',
    { by = 'operator' }: ScheduleRequestOptions = {},
    make: (schedule: ScheduleDocument, who: string) => ScheduleDocument,
  ): Promise<ScheduleDocument> => {
    const who = checkedBy(by)
    const filter = { schedule: name, what }
    const entry = auditChange({ id: runtime.id(), at: runtime.now(), by: who, action: 'schedule', filter })
    return changeSchedule(store, name, (schedule) => make(schedule, who), [entry])
  }
  return {
    async list() {
      const all: ScheduleDocument[] = []
      for await (const document of readDocuments(store, schedulesCollection)) all.push(readSchedule(document))
      return all
    },
    pause: async (name, options) => change(name, 'pause', options, (schedule) => ({ ...schedule, paused: true })),
    resume: async (name, options) => change(name, 'resume', options, (schedule) => ({ ...schedule, paused: false })),
    trigger: async (name, options) =>
      change(name, 'trigger', options, (schedule, by) => ({
        ...schedule,
        asked: [...schedule.asked, { id: runtime.id(), by, at: runtime.now() }],
      })),
  }
}
