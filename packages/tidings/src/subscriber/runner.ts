import { handlerScope } from '../events/ambient-context.ts'
import type { Event } from '../events/event.ts'
import { Bag, type Bagged } from '../kernel/bag.ts'
import { isTidingsError, TidingsError } from '../kernel/errors.ts'
import { isThenable } from '../kernel/is-thenable.ts'
import { type Counter, type Histogram, silentMeter } from '../kernel/meter.ts'
import type { Timer } from '../kernel/runtime.ts'
import { soundError } from '../kernel/sound-error.ts'
import type { Pass } from '../resilience/breaker.ts'
import type { CommitResult, Position, Unit } from '../store/store.ts'
import type { Delivery } from '../transport/transport.ts'
import { Attempt, type AttemptHost, effectsCollection, withdrawal } from './attempt.ts'
import { commitTransaction } from './commit-transaction.ts'
import { Deadlines } from './deadlines.ts'
import type { EngineHost } from './engine-host.ts'
import type { Work } from './handled.ts'
import { type InlinePromise, inlineCollection, inlineId } from './inline-promise.ts'
import { Judge, type Sentences } from './judge.ts'
import type { Item, Lane } from './lane.ts'
import { fencesCollection, isFence, type PartitionState } from './partition-state.ts'
import { runName, type Subscription } from './subscription.ts'

/** What becomes of an attempt; the engine carries it out. */
export interface Outcomes extends Sentences {
  succeeded(lane: Lane, item: Item, work: Work): void
  lost(partition: PartitionState): void
  /** A handler has ended and its place is free. */
  freed(): void
}

type AnyHandler = (event: Event<unknown>, attempt: Attempt) => unknown

interface Running extends Bagged {
  readonly lane: Lane
  readonly item: Item
  readonly pass: Pass
  attempt: Attempt | undefined
  /** Set when a withdrawn handler is not waited for any longer. */
  abandon: Timer | undefined
  ended: boolean
  readonly began: number
  /** What this attempt commits beside what its handler writes. */
  work: Work
}

/** Executes attempts: decode, filter, timeout, handler. What a failure says of its event is the judge's matter, what an outcome means for its lane the engine's. */
export class Runner {
  readonly #host: EngineHost
  readonly #subscription: Subscription
  readonly #outcomes: Outcomes
  readonly #attempts: AttemptHost
  readonly #handler: AnyHandler
  /** Handlers run in the surroundings of whoever has started the bus, not in those of whichever publisher woke it. */
  readonly #scope = handlerScope()
  readonly #judge: Judge
  readonly #deadlines: Deadlines
  readonly #running = new Bag<Running>()
  readonly #processed: Counter
  readonly #duration: Histogram
  /** Events behind this position may have a mark, or a promise, of whoever published them. */
  readonly #markedAfter: Position
  /** Reading the clock for a meter that forgets would be the dearest part of a small handler. */
  readonly #measures: boolean

  constructor(host: EngineHost, subscription: Subscription, outcomes: Outcomes) {
    this.#host = host
    this.#subscription = subscription
    this.#outcomes = outcomes
    this.#handler = subscription.handler as unknown as AnyHandler
    const { name, timeout } = subscription.settings
    this.#measures = host.meter !== silentMeter
    const promised = subscription.settings.mode === 'inline' && host.store.capabilities.durability !== 'memory'
    const markedAfter = promised ? 0 : (host.joined.get(name) ?? Number.POSITIVE_INFINITY)
    this.#markedAfter = subscription.run === 0 ? markedAfter : Number.POSITIVE_INFINITY
    this.#deadlines = new Deadlines(host.runtime, timeout)
    this.#processed = host.meter.counter('tidings.events.processed', { subscription: name })
    this.#judge = new Judge(host, subscription.settings, outcomes)
    this.#duration = host.meter.histogram('messaging.process.duration', { subscription: name })
    this.#attempts = {
      subscription: name,
      run: subscription.run,
      allowance: subscription.allowance,
      prepare: host.attempts.prepare,
      claim: host.attempts.claim,
      begin: host.attempts.begin,
      commitFenced: (partition, unit) => this.#commitFenced(partition, unit),
      findEffect: async (id) => (await host.store.find(effectsCollection, { id }))[0],
    }
  }

  get running(): number {
    return this.#running.size
  }

  get judge(): Judge {
    return this.#judge
  }

  breaker(): string {
    return this.#judge.breaker()
  }

  run(lane: Lane, item: Item, pass: Pass, now: number): void {
    const running: Running = {
      lane,
      item,
      pass,
      attempt: undefined,
      abandon: undefined,
      ended: false,
      place: -1,
      began: now,
      work: nothing,
    }
    this.#running.add(running)
    try {
      if (item.delivery === undefined) this.#reload(running)
      else if (item.offset > this.#markedAfter) this.#askPromise(running)
      else this.#decode(running, item.delivery)
    } catch (error) {
      this.#fail(running, error)
    }
  }

  #decode(running: Running, delivery: Delivery): void {
    try {
      const event = this.#host.decode(delivery, this.#subscription)
      if (event instanceof Promise) {
        event.then(
          (decoded) => this.#handle(running, decoded),
          (error: unknown) => this.#fail(running, error),
        )
      } else this.#handle(running, event)
    } catch (error) {
      this.#fail(running, error)
    }
  }

  /** The store has refused what a handler wanted written. Counts like a throw of the handler, unless somebody else was merely faster. */
  refused(lane: Lane, item: Item, error: Error): void {
    this.#judge.judge(lane, item, undefined, error, isTidingsError(error, 'TIDINGS_CONFLICT'))
  }

  /** Takes back what runs for these partitions. */
  withdraw(partitions: readonly PartitionState[], why: string): void {
    // A copy: each place that is free may be taken at once.
    for (const running of this.#running.all()) {
      if (!partitions.includes(running.item.partition)) continue
      running.attempt?.withdraw(withdrawal(why))
      this.#end(running)
      this.#judge.leave(running.pass)
      this.#outcomes.freed()
    }
  }

  withdrawAll(why: string): void {
    this.withdraw([...new Set(this.#running.all().map(({ item }) => item.partition))], why)
  }

  close(): void {
    this.#deadlines.close()
    this.#judge.close()
    for (const { abandon } of this.#running.all()) abandon?.cancel()
  }

  /** Whether the publisher has run, or still runs, the listener itself. */
  #askPromise(running: Running): void {
    const { item, lane } = running
    const delivery = item.delivery as Delivery
    const id = inlineId(this.#subscription, delivery.record ?? { source: '', id: '' })
    this.#host.store.find(inlineCollection, { id }).then(
      ([document]) => {
        if (running.ended) return
        if (document === undefined) {
          this.#decode(running, delivery)
          return
        }
        const promise = JSON.parse(document.body) as InlinePromise
        const left = promise.until - this.#host.runtime.now()
        if (promise.state === 'pending' && left > 0) {
          this.#end(running)
          this.#judge.leave(running.pass)
          this.#outcomes.later(lane, Math.min(left, 250))
          this.#outcomes.freed()
          return
        }
        // Either way the promise goes, and only one of publisher and queue can be the one who takes it.
        running.work = {
          documents: [{ collection: inlineCollection, id, delete: true }],
          expect: [{ collection: inlineCollection, id, version: document.version }],
        }
        if (promise.state === 'done') this.#succeed(running, undefined)
        else this.#decode(running, delivery)
      },
      (error: unknown) => this.#fail(running, error),
    )
  }

  /** A parked event is read again from where it stands. */
  #reload(running: Running): void {
    const { item, lane } = running
    this.#host.store.readAll({ after: item.offset - 1, upTo: item.offset, limit: 1 }).then(
      ({ events: [stored] }) => {
        if (running.ended) return
        if (stored === undefined) {
          this.#fail(
            running,
            new TidingsError('TIDINGS_NOT_FOUND', 'The parked event is no longer in the log.', {
              details: { position: item.offset },
            }),
          )
          return
        }
        item.delivery = {
          partition: stored.partition,
          offset: stored.position,
          stream: stored.stream,
          record: stored.record,
        }
        this.#running.delete(running)
        this.run(lane, item, running.pass, running.began)
      },
      (error: unknown) => this.#fail(running, error),
    )
  }

  #handle(running: Running, event: Event<unknown>): void {
    if (running.ended) return
    const { item } = running
    const { settings } = this.#subscription
    try {
      if (settings.filter !== undefined && !settings.filter(event as Event<never>)) {
        this.#succeed(running, undefined)
        return
      }
      const attempt = new Attempt(
        this.#attempts,
        event,
        item.partition.partition,
        item.attempts + 1,
        running,
        this.#expire,
      )
      attempt.standing = item.standing
      running.attempt = attempt
      const result = this.#scope(event, this.#handler, event, attempt)
      if (isThenable(result)) {
        this.#deadlines.add(attempt)
        result.then(
          () => this.#returned(running, attempt),
          (error: unknown) => this.#fail(running, error),
        )
      } else {
        // It has returned, but what it has begun to publish or to ask of its transaction has a deadline, too.
        if (attempt.pending) this.#deadlines.add(attempt)
        this.#returned(running, attempt)
      }
    } catch (error) {
      this.#fail(running, error)
    }
  }

  #returned(running: Running, attempt: Attempt): void {
    if (attempt.withdrawn !== undefined) {
      this.#fail(running, attempt.withdrawn)
      return
    }
    const gathered = attempt.gathered()
    if (gathered === undefined) this.#succeed(running, attempt)
    else {
      gathered.then(
        () =>
          attempt.withdrawn === undefined ? this.#succeed(running, attempt) : this.#fail(running, attempt.withdrawn),
        (error: unknown) => this.#fail(running, error),
      )
    }
  }

  #succeed(running: Running, attempt: Attempt | undefined): void {
    if (running.ended) return
    if (attempt?.transaction !== undefined) {
      void this.#commitTransaction(running, attempt)
      return
    }
    if (attempt !== undefined) attempt.settled = true
    this.#end(running)
    this.#judge.succeeded(running.pass)
    this.#processed.add(1)
    this.#outcomes.succeeded(
      running.lane,
      running.item,
      attempt === undefined ? running.work : attempt.unit(running.work),
    )
    this.#outcomes.freed()
  }

  async #commitTransaction(running: Running, attempt: Attempt): Promise<void> {
    attempt.settled = true
    // The handler has returned in time. How long the store takes is not its fault, and until it has spoken nobody knows.
    this.#deadlines.remove(attempt)
    const outcome = await commitTransaction(this.#host.store, this.#host.runtime, running.item, attempt, running.work)
    if (running.ended) return
    if (outcome.status === 'failed') {
      if (isTidingsError(outcome.error, 'TIDINGS_CONFLICT')) attempt.withdraw(outcome.error)
      this.#fail(running, outcome.error)
      return
    }
    if (outcome.status === 'lost') {
      this.#outcomes.lost(running.item.partition)
      return
    }
    this.#end(running)
    this.#judge.succeeded(running.pass)
    this.#processed.add(1)
    const { ended } = attempt.unit(nothing)
    this.#outcomes.succeeded(running.lane, running.item, { documents: [{ ...outcome.mark, delete: true }], ended })
    this.#outcomes.freed()
  }

  readonly #expire = (attempt: Attempt): void => {
    const running = attempt.owner as Running
    const { settings } = this.#subscription
    const error = withdrawal(
      `its handler took longer than ${settings.timeout} ms (option \`timeout\`)`,
      'TIDINGS_HANDLER_TIMEOUT',
    )
    running.attempt?.withdraw(error)
    // The lane stays shut until the handler has noticed, so that two attempts at one event do not overlap; but not for ever.
    running.abandon = this.#host.runtime.setTimer(settings.abandonAfter, () => this.#fail(running, error))
  }

  #fail(running: Running, cause: unknown): void {
    if (running.ended) return
    const { attempt, lane, item, pass } = running
    // A withdrawn handler may throw whatever it likes; what counts is why it was withdrawn.
    const withdrawn = attempt?.withdrawn
    if (withdrawn === undefined) attempt?.withdraw(withdrawal('its handler has failed'))
    this.#end(running)
    this.#judge.judge(lane, item, pass, withdrawn ?? soundError(cause), withdrawn !== undefined)
    this.#outcomes.freed()
  }

  /** Ends the attempt for the engine: from here on its late result counts for nothing. */
  #end(running: Running): void {
    running.ended = true
    running.abandon?.cancel()
    if (running.attempt !== undefined) this.#deadlines.remove(running.attempt)
    this.#running.delete(running)
    if (this.#measures) this.#duration.record((this.#host.runtime.monotonic() - running.began) / 1_000)
  }

  async #commitFenced(partition: number, unit: Unit): Promise<CommitResult> {
    const owned = this.#owned(partition)
    const fence = owned?.fence ?? {
      collection: fencesCollection,
      id: `${runName(this.#subscription)}/${partition}`,
      version: -1,
    }
    const result = await this.#host.committer.commit({ ...unit, expect: [fence, ...(unit.expect ?? [])] })
    // Nothing else may ever be committed for it, and then nobody else would notice.
    if (owned !== undefined && result.status === 'conflict' && isFence(result.expectation)) this.#outcomes.lost(owned)
    return result
  }

  #owned(partition: number): PartitionState | undefined {
    for (const { item } of this.#running.all()) if (item.partition.partition === partition) return item.partition
    return undefined
  }
}

const nothing: Work = Object.freeze({})
