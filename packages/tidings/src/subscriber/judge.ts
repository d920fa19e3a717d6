import { isTidingsError } from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'
import type { Counter, Meter } from '../kernel/meter.ts'
import type { Runtime, Timer } from '../kernel/runtime.ts'
import { delayOf } from '../resilience/backoff.ts'
import { Breaker, type Pass } from '../resilience/breaker.ts'
import type { Item, Lane } from './lane.ts'
import type { ParkedState } from './parked-event.ts'
import type { SubscriptionSettings } from './subscribe-options.ts'
import { type Verdict, verdictOf } from './verdict.ts'

/** What becomes of an attempt that has failed; the engine carries it out. */
export interface Sentences {
  /** The head runs again as soon as it may. */
  again(lane: Lane): void
  later(lane: Lane, delay: number): void
  park(lane: Lane, item: Item, state: ParkedState, error: unknown, due: number | undefined): void
  /** Nothing new starts until an operator says so. */
  halt(error: unknown): void
  /** An attempt that had made this event a dead letter does not count after all. */
  revive(item: Item): void
  /** Whether another lane than this one has an attempt under way or before it, so that more is to be learned about dependencies. */
  othersAtWork(lane: Lane): boolean
  /** Asked for after a breaker's wait. */
  resume(): void
}

interface Failure {
  readonly stream: string
  readonly item: Item
}

/** An event with no attempts left, on a subscription that halts. */
interface Condemned {
  readonly lane: Lane
  readonly error: unknown
}

/**
 * Tells what a failed attempt says of its event, and lets nobody run while a dependency is away. A subscription that halts does so when it is clear
 * that the event is at fault: at once where the handler says so, else with the next success or when nothing else is at work. Until then failures of
 * other streams may still show that a dependency was.
 */
export class Judge {
  readonly #runtime: Runtime
  readonly #log: Log
  readonly #settings: SubscriptionSettings
  readonly #sentences: Sentences
  readonly #breaker: Breaker<Failure>
  /** By what a failure said of its event, so that errors show a pattern. */
  readonly #failed: Readonly<Record<Verdict['kind'], Counter>>
  /** Not halted at yet. */
  readonly #suspects = new Map<Item, Condemned>()
  readonly #halted = new Map<Item, Lane>()
  #timer: Timer | undefined

  constructor(
    host: { readonly runtime: Runtime; readonly log: Log; readonly meter: Meter },
    settings: SubscriptionSettings,
    sentences: Sentences,
  ) {
    this.#runtime = host.runtime
    this.#log = host.log
    this.#settings = settings
    this.#sentences = sentences
    this.#breaker = new Breaker(settings.breaker)
    const failed = (verdict: Verdict['kind']): Counter =>
      host.meter.counter('tidings.events.failed', { subscription: settings.name, verdict })
    this.#failed = {
      retry: failed('retry'),
      dead: failed('dead'),
      upgrade: failed('upgrade'),
      unavailable: failed('unavailable'),
      withdrawn: failed('withdrawn'),
    }
  }

  /** True while somebody was refused entry and a timer will ask again: the breaker is open. */
  get stalled(): boolean {
    return this.#timer !== undefined
  }

  breaker(): string {
    return this.#breaker.snapshot(this.#runtime.monotonic()).state
  }

  /** Leave to run one attempt; undefined while the breaker is open. Then `resume` is called when it is worth asking again. */
  enter(now: number): Pass | undefined {
    const pass = this.#breaker.tryEnter(now)
    if (typeof pass !== 'number') return pass
    this.#timer ??= this.#runtime.setTimer(pass, () => {
      this.#timer = undefined
      this.#sentences.resume()
    })
    return undefined
  }

  /** The attempt has said nothing: it was taken back, or never began. */
  leave(pass: Pass): void {
    this.#breaker.onWithdrawn(pass)
  }

  succeeded(pass: Pass): void {
    this.#breaker.onSuccess(pass)
    // Whatever they depend on is there.
    if (this.#suspects.size > 0) this.#haltAt([...this.#suspects.keys()])
  }

  close(): void {
    this.#timer?.cancel()
  }

  /** `pass` is undefined for what the store has refused after its attempt had ended; `withdrawn`: the attempt was taken back with this error. */
  judge(lane: Lane, item: Item, pass: Pass | undefined, error: unknown, withdrawn = false): void {
    const { partition } = item
    const closing = isTidingsError(error, 'TIDINGS_CLOSED') && (partition.draining || !partition.active)
    const verdict = verdictOf(error, withdrawn || closing)
    this.#failed[verdict.kind].add(1)
    const now = this.#runtime.monotonic()
    lane.state = 'idle'
    if (verdict.kind === 'withdrawn') {
      if (pass !== undefined) this.#breaker.onWithdrawn(pass)
      // Whoever was faster has committed by now; the others of its kind must not come back in step.
      if (partition.active)
        this.#sentences.later(lane, isTidingsError(error, 'TIDINGS_CONFLICT') ? 1 + 20 * this.#runtime.random() : 1_000)
      return
    }
    this.#log('debug', 'An attempt has failed', {
      subscription: this.#settings.name,
      verdict: verdict.kind,
      attempt: item.attempts + 1,
      error: error instanceof Error ? error.message : String(error),
    })
    if (verdict.kind === 'unavailable') {
      if (pass !== undefined) this.#giveBack(this.#breaker.onUnavailable(pass, now))
      this.#sentences.again(lane)
      return
    }
    if (verdict.kind === 'upgrade') {
      if (pass !== undefined) this.#breaker.onWithdrawn(pass)
      this.#sentences.park(lane, item, 'upgrade', error, undefined)
      return
    }
    item.attempts++
    item.firstFailedAt ??= this.#runtime.now()
    const failure: Failure = { stream: lane.stream, item }
    const forgiven = pass === undefined ? none : this.#count(pass, failure, verdict, now)
    this.#giveBack(forgiven)
    if (forgiven.includes(failure)) this.#sentences.again(lane)
    else this.#sentence(lane, item, verdict, error)
    this.reconsider()
  }

  /** Halts at those that nothing at work can acquit any more. Call it when work has gone in another way than by ending. */
  reconsider(): void {
    for (const [item, { lane }] of this.#suspects) {
      if (!item.partition.active) this.#suspects.delete(item)
      else if (!this.#sentences.othersAtWork(lane)) {
        this.#haltAt([...this.#suspects.keys()])
        return
      }
    }
  }

  /** Lets those run again that it has halted at, with all their attempts. */
  pardon(): void {
    for (const [item, lane] of this.#halted) {
      item.attempts = 0
      this.#release(item, lane)
    }
    this.#halted.clear()
  }

  /** The failures that do not count, because a dependency was at fault. */
  #count(pass: Pass, failure: Failure, verdict: Verdict, now: number): readonly Failure[] {
    if (verdict.kind !== 'dead') return this.#breaker.onFailure(pass, failure, now)
    // An event that is bad in itself says nothing about the dependencies of its handler.
    this.#breaker.onWithdrawn(pass)
    return none
  }

  #sentence(lane: Lane, item: Item, verdict: Verdict, error: unknown): void {
    const { tries, onPoison, backoff, parkAbove } = this.#settings
    if (verdict.kind === 'dead' || item.attempts >= tries) {
      if (onPoison !== 'halt') this.#sentences.park(lane, item, 'dead', error, undefined)
      else {
        lane.state = 'halted'
        this.#suspects.set(item, { lane, error })
        if (verdict.kind === 'dead') this.#haltAt([item])
      }
      return
    }
    const named = verdict.kind === 'retry' ? verdict.after : undefined
    const delay = named ?? delayOf(backoff, item.attempts, () => this.#runtime.random())
    if (delay <= parkAbove && item.parked === undefined) this.#sentences.later(lane, delay)
    else this.#sentences.park(lane, item, 'retry', error, this.#runtime.now() + delay)
  }

  #haltAt(items: readonly Item[]): void {
    for (const item of items) {
      const condemned = this.#suspects.get(item)
      this.#suspects.delete(item)
      if (condemned === undefined || !item.partition.active) continue
      this.#halted.set(item, condemned.lane)
      this.#sentences.halt(condemned.error)
    }
  }

  #giveBack(failures: readonly Failure[]): void {
    for (const { item } of failures) {
      if (item.attempts > 0) item.attempts--
      const suspect = this.#suspects.get(item)
      if (suspect === undefined) this.#sentences.revive(item)
      else {
        this.#suspects.delete(item)
        this.#release(item, suspect.lane)
      }
    }
  }

  #release(item: Item, lane: Lane): void {
    if (!item.partition.active || lane.state !== 'halted') return
    lane.state = 'idle'
    this.#sentences.again(lane)
  }
}

const none: readonly never[] = Object.freeze([])
