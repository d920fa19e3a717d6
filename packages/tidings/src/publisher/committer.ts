import { TidingsError } from '../kernel/errors.ts'
import { type Log, silentLog } from '../kernel/log.ts'
import { type Histogram, type Meter, silentMeter } from '../kernel/meter.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { CommitResult, Store, Unit } from '../store/store.ts'
import { selectUrgent } from './select-urgent.ts'
import type { Submission } from './submission.ts'
import { shareOf, UnitsFlying } from './units-flying.ts'

export interface CommitterOptions {
  /** Most units in one commit. Default 1,000. Larger means fewer flushes to disk under load and longer waits for each. */
  readonly maxUnits?: number
  /** Most units waiting. Default 100,000; beyond it `submit` answers TIDINGS_OVERLOADED to those that are limited. */
  readonly maxWaiting?: number
  readonly meter?: Meter
  readonly log?: Log
}

/** How long commits may follow each other on microtasks alone before input and output get their turn, in milliseconds. */
const slice = 4

/** Units that are worth sharing among commits that are under way at once; fewer travel together. */
const worthSharing = 32

/**
 * Group commit: all units submitted while a commit is under way travel in the next one. A lone unit never waits for
 * company: it leaves at the end of the current microtask. Where the store has use for several commits at once
 * (`commitsAtOnce`), units that touch nothing of what is under way need not wait for it, and leave with the next turn: this process makes them while
 * the store works on those before.
 */
export class Committer {
  readonly #store: Store
  readonly #runtime: Runtime
  readonly #maxUnits: number
  readonly #maxWaiting: number
  readonly #log: Log
  readonly #units: Histogram
  readonly #duration: Histogram
  readonly #measures: boolean
  readonly #atOnce: number
  /** What commits under way touch; undefined where there is only ever one. */
  readonly #touched: UnitsFlying | undefined
  #waiting: Submission[] = []
  #scheduled = false
  /** Commits under way. */
  #flying = 0
  #turnBegan = 0
  #idle: (() => void)[] = []

  constructor(store: Store, runtime: Runtime, options: CommitterOptions = {}) {
    this.#store = store
    this.#runtime = runtime
    this.#maxUnits = options.maxUnits ?? 1_000
    this.#maxWaiting = options.maxWaiting ?? 100_000
    this.#atOnce = store.capabilities.commitsAtOnce ?? 1
    this.#touched = this.#atOnce > 1 ? new UnitsFlying() : undefined
    this.#log = options.log ?? silentLog
    const meter = options.meter ?? silentMeter
    this.#measures = meter !== silentMeter
    this.#units = meter.histogram('tidings.commit.units')
    this.#duration = meter.histogram('tidings.commit.duration')
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Whether anything waits or flies. */
  get busy(): boolean {
    return this.#waiting.length > 0 || this.#flying > 0
  }

  submit(submission: Submission): void {
    if (submission.limited === true && this.#waiting.length >= this.#maxWaiting) {
      submission.settled(
        undefined,
        new TidingsError('TIDINGS_OVERLOADED', `More than ${this.#maxWaiting} units wait to be committed.`, {
          details: { limit: this.#maxWaiting },
        }),
      )
      return
    }
    this.#waiting.push(submission)
    if (this.#scheduled || this.#flying >= this.#atOnce) return
    if (this.#flying > 0 && this.#touched?.holds(submission.unit) === true) return
    this.#schedule()
  }

  /** The same as a promise, for callers that are not in a hurry. */
  commit(unit: Unit, rank = 0, limited?: 'limited'): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      this.submit({
        unit,
        rank,
        limited: limited !== undefined,
        settled: (result, error) => (error === undefined ? resolve(result as CommitResult) : reject(error)),
      })
    })
  }

  /** Resolves when nothing waits and nothing flies. */
  idle(): Promise<void> {
    if (!this.busy) return Promise.resolve()
    return new Promise((resolve) => void this.#idle.push(resolve))
  }

  #schedule(): void {
    this.#scheduled = true
    // A store that answers without leaving the thread would let a busy publisher starve everything else in the process. And beside a commit that is
    // under way nobody is in such a hurry: what this turn brings travels together.
    const now = this.#runtime.monotonic()
    if (this.#flying === 0 && now - this.#turnBegan < slice) queueMicrotask(this.#flush)
    else {
      this.#runtime.defer(() => {
        this.#turnBegan = this.#runtime.monotonic()
        this.#flush()
      })
    }
  }

  readonly #flush = (): void => {
    this.#scheduled = false
    const batch = this.#take()
    // All that waits touches what is under way.
    if (batch.length === 0) return
    this.#flying++
    const keys = this.#touched?.add(batch)
    const began = this.#measures ? this.#runtime.monotonic() : 0
    const landed = (): void => {
      this.#flying--
      if (keys !== undefined) this.#touched?.delete(keys)
    }
    this.#commit(batch).then(
      (results) => {
        landed()
        if (this.#measures) {
          this.#units.record(batch.length)
          this.#duration.record((this.#runtime.monotonic() - began) / 1_000)
        }
        for (let at = 0; at < batch.length; at++) {
          const result = results[at]
          this.#tell(batch[at] as Submission, result, result === undefined ? unanswered() : undefined)
        }
        this.#next()
      },
      (error: unknown) => {
        landed()
        for (const submission of batch) this.#tell(submission, undefined, error as Error)
        this.#next()
      },
    )
    if (this.#waiting.length > 0 && this.#flying < this.#atOnce && !this.#scheduled) this.#schedule()
  }

  #commit(batch: readonly Submission[]): Promise<readonly CommitResult[]> {
    try {
      return this.#store.commit(batch.length === 1 ? [(batch[0] as Submission).unit] : batch.map(unitOf))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #tell(submission: Submission, result: CommitResult | undefined, error: Error | undefined): void {
    try {
      submission.settled(result, error)
    } catch (thrown) {
      // Nobody but a bug gets here, and it must not keep the others waiting for ever.
      this.#log('error', 'Whoever waited for a commit has thrown at its answer', { error: thrown })
    }
  }

  #take(): Submission[] {
    const waiting = this.#waiting
    const free = this.#flying > 0 && this.#touched !== undefined ? this.#touched.free(waiting) : waiting
    let chosen = free
    if (free.length > this.#maxUnits) chosen = selectUrgent(free, this.#maxUnits).chosen
    // The first of several takes its share and leaves the others theirs.
    else if (this.#flying === 0 && this.#touched !== undefined && free.length >= this.#atOnce * worthSharing)
      chosen = shareOf(free, Math.ceil(free.length / this.#atOnce))
    if (chosen.length === waiting.length) {
      this.#waiting = []
      return chosen
    }
    const leaving = new Set(chosen)
    this.#waiting = waiting.filter((submission) => !leaving.has(submission))
    return chosen
  }

  #next(): void {
    if (this.#waiting.length > 0) {
      if (!this.#scheduled && this.#flying < this.#atOnce) this.#schedule()
    } else if (this.#idle.length > 0 && this.#flying === 0) {
      for (const resolve of this.#idle.splice(0)) resolve()
    }
  }
}

function unanswered(): TidingsError {
  return new TidingsError('TIDINGS_COMMIT_UNKNOWN', 'The store has answered fewer units than it was given.')
}

function unitOf(submission: Submission): Unit {
  return submission.unit
}
