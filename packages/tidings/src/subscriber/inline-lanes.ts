import { currentContext, type HandlerScope, handlerScope } from '../events/ambient-context.ts'
import type { EventContext } from '../events/event.ts'
import { Bag, type Bagged } from '../kernel/bag.ts'
import type { Runtime, Timer } from '../kernel/runtime.ts'
import type { StoredEvent } from '../store/store.ts'
import type { Standing } from './inline-turn.ts'

/** What a listener has come to: nothing, or its failure, now or later. A promise never rejects. */
export type Outcome = Error | undefined | Promise<Error | undefined>

export interface InlineLanesHost {
  readonly runtime: Runtime
  /** What stands before an event. */
  before(stored: StoredEvent): Standing | Promise<Standing>
  /** Runs the listener; `scope` where its publisher's turn is over. */
  run(stored: StoredEvent, scope: HandlerScope | undefined): Outcome
  /** The queue handles it, after those before it. */
  giveAway(stored: StoredEvent): void
  /**
   * Whether the queue knows of the events that run here, and waits for them. Then one that is not waited for any longer may go there at once; else it
   * stays and runs when its turn comes.
   */
  readonly queueWaits: boolean
  /** Something has ended. */
  progressed(): void
}

interface Entry {
  readonly stored: StoredEvent
  readonly scope: HandlerScope
  readonly caller: EventContext | undefined
  readonly resolve: (outcome: Outcome) => void
  patience: Timer | undefined
}

/** One that runs and has not ended. */
interface UnderWay extends Bagged {
  readonly stored: StoredEvent
  readonly lane: InlineLane
  /** What surrounded its publisher. */
  readonly caller: EventContext | undefined
}

/**
 * The events of one stream whose publishers are here. It is one of:
 *   at work   one of them runs
 *   asking    the store is asked what stands before the first
 *   waiting   for a publisher elsewhere, until the timer
 *   idle      nobody is here; it stays for the next one, since lanes that came and went with each event would cost more than they hold
 */
interface InlineLane {
  /** Whether anybody is here. */
  active: boolean
  /** In order of position. */
  readonly waiting: Entry[]
  busy: 'at work' | 'asking' | undefined
  timer: Timer | undefined
}

/**
 * Longest that a publisher waits for the events before its own, in milliseconds. Shorter than what a promise grants beyond the listener's timeout,
 * so that the queue has not taken over by then.
 */
const patience = 4_000

/** Between two looks at a publisher elsewhere, in milliseconds. */
const every = 20

/** Most lanes that are kept while they are idle. */
const mostIdle = 10_000

/** Deepest nesting that is looked through. */
const deepest = 50

/** All that run in this process, of whichever bus. */
const underWay = new Bag<UnderWay>()

/**
 * Lets the inline listeners of one subscription run one after another in each stream, in order of position, whatever the order in which their
 * publishers come. A listener that is alone in its stream passes through without a trace.
 */
export class InlineLanes {
  readonly #host: InlineLanesHost
  readonly #lanes = new Map<string, InlineLane>()
  #active = 0

  constructor(host: InlineLanesHost) {
    this.#host = host
  }

  get busy(): boolean {
    return this.#active > 0
  }

  enter(key: string, stored: StoredEvent): Outcome {
    if (this.#active > 0) {
      const lane = this.#lanes.get(key)
      if (lane?.active === true) return this.#wait(lane, stored)
    }
    const standing = this.#host.before(stored)
    if (standing === 'queued') {
      this.#host.giveAway(stored)
      return undefined
    }
    if (standing !== 'done') return this.#wait(this.#open(key), stored, standing)
    const outcome = this.#host.run(stored, undefined)
    if (outcome instanceof Promise) this.#work(this.#open(key), stored, outcome, currentContext())
    return outcome
  }

  /** Nobody is waited for any more. */
  close(): void {
    for (const lane of this.#lanes.values()) {
      lane.timer?.cancel()
      for (const entry of lane.waiting.splice(0)) {
        entry.patience?.cancel()
        entry.resolve(undefined)
      }
    }
  }

  #open(key: string): InlineLane {
    let lane = this.#lanes.get(key)
    if (lane === undefined) {
      if (this.#lanes.size - this.#active > mostIdle)
        for (const [old, idle] of this.#lanes) if (!idle.active) this.#lanes.delete(old)
      lane = { active: false, waiting: [], busy: undefined, timer: undefined }
      this.#lanes.set(key, lane)
    }
    if (!lane.active) this.#active++
    lane.active = true
    return lane
  }

  #wait(lane: InlineLane, stored: StoredEvent, standing?: Standing | Promise<Standing>): Outcome {
    return new Promise((resolve) => {
      const entry: Entry = { stored, scope: handlerScope(), caller: currentContext(), resolve, patience: undefined }
      const after = lane.waiting.findIndex((other) => other.stored.position > stored.position)
      lane.waiting.splice(after === -1 ? lane.waiting.length : after, 0, entry)
      // A listener that publishes to its own stream and waits would wait for itself.
      if (isWithin(lane)) this.#letGo(lane, entry)
      else entry.patience = this.#host.runtime.setTimer(patience, () => this.#letGo(lane, entry))
      this.#step(lane, standing)
    })
  }

  /** The one place where a lane decides what it does next. */
  #step(lane: InlineLane, known?: Standing | Promise<Standing>): void {
    for (let standing = known; lane.busy === undefined; standing = undefined) {
      lane.timer?.cancel()
      const [entry] = lane.waiting
      if (entry === undefined) {
        lane.active = false
        this.#active--
        this.#host.progressed()
        return
      }
      const { stored, scope, caller } = entry
      const before = standing ?? this.#host.before(stored)
      if (before instanceof Promise) {
        this.#ask(lane, entry, before)
      } else if (before === 'pending') {
        lane.timer = this.#host.runtime.setTimer(every, () => this.#step(lane))
        return
      } else {
        lane.waiting.shift()
        entry.patience?.cancel()
        if (before === 'queued') {
          this.#host.giveAway(stored)
          entry.resolve(undefined)
        } else {
          const outcome = this.#host.run(stored, scope)
          if (outcome instanceof Promise) this.#work(lane, stored, outcome, caller)
          entry.resolve(outcome)
        }
      }
    }
  }

  #ask(lane: InlineLane, entry: Entry, standing: Promise<Standing>): void {
    lane.busy = 'asking'
    const answered = (answer: Standing): void => {
      lane.busy = undefined
      // An earlier one may have come meanwhile, or this one may have been let go.
      this.#step(lane, lane.waiting[0] === entry ? answer : undefined)
    }
    // A store that does not answer is asked by the queue.
    standing.then(answered, () => answered('queued'))
  }

  #work(lane: InlineLane, stored: StoredEvent, outcome: Promise<unknown>, caller: EventContext | undefined): void {
    lane.busy = 'at work'
    const one: UnderWay = { stored, lane, caller, place: -1 }
    underWay.add(one)
    const ended = (): void => {
      underWay.delete(one)
      lane.busy = undefined
      this.#step(lane)
    }
    outcome.then(ended, ended)
  }

  /** Its publisher goes on. */
  #letGo(lane: InlineLane, entry: Entry): void {
    entry.resolve(undefined)
    const at = lane.waiting.indexOf(entry)
    if (!this.#host.queueWaits || at === -1) return
    lane.waiting.splice(at, 1)
    entry.patience?.cancel()
    this.#host.giveAway(entry.stored)
  }
}

/** Whether the caller is part of something that runs in this lane. */
function isWithin(lane: InlineLane): boolean {
  let context = currentContext()
  for (let depth = 0; depth < deepest && context?.causationId !== undefined; depth++) {
    const id: string = context.causationId
    let caller: EventContext | undefined
    for (const one of underWay.all()) {
      if (one.stored.record.id !== id) continue
      if (one.lane === lane) return true
      caller ??= one.caller
    }
    context = caller
  }
  return false
}
