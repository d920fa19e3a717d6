import type { Log } from '../../kernel/log.ts'
import type { Runtime, Timer } from '../../kernel/runtime.ts'
import type { Store, StoredDocument, Unit } from '../../store/store.ts'
import type { Committer } from '../committer.ts'
import type { Publisher } from '../publisher.ts'
import type { HeardLater } from './heard-later.ts'
import { deleteTimer, putTimer, readTimer, timersCollection, unchangedTimer } from './scheduled-event.ts'

export interface DueTimersHost {
  readonly store: Store
  readonly committer: Committer
  readonly publisher: Publisher
  readonly runtime: Runtime
  readonly log: Log
  readonly later: HeardLater
  /** Something was published; for those who wait until all is quiet. */
  progressed(): void
}

/** Longest time between looks, in milliseconds: others schedule, too, and the wall clock may be moved. */
const every = 1_000
/** Most that are published at once. */
const batch = 500

/**
 * Publishes scheduled events when they are due: each by a commit that appends it and deletes its timer, so that of all instances that look
 * one does it, once, whoever dies meanwhile.
 */
export class DueTimers {
  readonly #host: DueTimersHost
  #timer: { readonly at: number; readonly timer: Timer } | undefined
  #looking = false
  #closed = false
  #failures = 0

  constructor(host: DueTimersHost) {
    this.#host = host
  }

  get busy(): boolean {
    return this.#looking
  }

  start(): void {
    this.#wakeIn(0)
  }

  /** Something is due at this wall time. */
  scheduled(at: number): void {
    if (this.#timer !== undefined) this.#wakeIn(Math.min(every, at - this.#host.runtime.now()))
  }

  close(): void {
    this.#closed = true
    this.#timer?.timer.cancel()
  }

  #wakeIn(ms: number): void {
    if (this.#closed) return
    const { runtime } = this.#host
    const wait = Math.max(0, ms)
    const at = runtime.monotonic() + wait
    if (this.#timer !== undefined && this.#timer.at <= at) return
    this.#timer?.timer.cancel()
    this.#timer = { at, timer: runtime.setTimer(wait, () => void this.#look()) }
  }

  async #look(): Promise<void> {
    const { store, runtime, log, progressed } = { ...this.#host, progressed: () => this.#host.progressed() }
    this.#looking = true
    let next = every
    try {
      const [first] = await store.find(timersCollection, { by: { index: 'due' }, limit: 1 })
      const wait = first === undefined ? every : readTimer(first).due - runtime.now()
      if (wait > 0) next = Math.min(every, wait)
      else {
        const limit = Math.min(batch, this.#host.later.room)
        const by = { index: 'due', upTo: runtime.now() }
        const due = limit === 0 ? [] : await store.find(timersCollection, { by, limit })
        await Promise.all(due.map((document) => this.#publish(document)))
        next = due.length > 0 ? 0 : every
      }
      this.#failures = 0
    } catch (error) {
      if (this.#failures++ === 0)
        log('warn', 'Scheduled events could not be published; it is tried again', { error: (error as Error).message })
      next = Math.min(30_000, every * 2 ** Math.min(this.#failures, 5))
    }
    this.#looking = false
    this.#timer = undefined
    progressed()
    this.#wakeIn(next)
  }

  async #publish(document: StoredDocument): Promise<void> {
    const { committer, publisher, log, later } = this.#host
    const timer = readTimer(document)
    const { record } = timer
    const expect = [unchangedTimer(document)]
    const promises = publisher.promises([record])
    const unit: Unit = { expect, append: [record], documents: [deleteTimer(document.id), ...promises] }
    const result = await committer.commit(unit, record.priority)
    if (result.status === 'committed' && !result.repeated) later.hear([record], result.events)
    else if (result.status === 'committed') {
      // Somebody has published an event of this id meanwhile, so the timer was left alone.
      await committer.commit({ expect, documents: [deleteTimer(document.id)] })
    } else if (result.status === 'refused') {
      log('error', 'A scheduled event is refused by the store and will not be published', {
        timer: document.id,
        type: record.type,
        error: result.error.message,
      })
      await committer.commit({ expect, documents: [putTimer({ ...timer, failed: result.error.message })] })
    }
    // A conflict: another instance has published it, or somebody has cancelled it.
  }
}
