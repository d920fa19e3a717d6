import { type HandlerScope, runCausedBy } from '../events/ambient-context.ts'
import type { Event } from '../events/event.ts'
import type { EventRecord } from '../events/record.ts'
import { eventOf } from '../events/record-codec.ts'
import { Bag, type Bagged } from '../kernel/bag.ts'
import { isThenable } from '../kernel/is-thenable.ts'
import type { Timer } from '../kernel/runtime.ts'
import { soundError } from '../kernel/sound-error.ts'
import type { InlineListener } from '../publisher/audience.ts'
import type { DocumentChange, Expectation, Position, StoredEvent, Unit } from '../store/store.ts'
import { Attempt, type AttemptHost, effectsCollection, withdrawal } from './attempt.ts'
import { conflictOf, standsAlready } from './commit-transaction.ts'
import { Deadlines } from './deadlines.ts'
import type { Engine } from './engine.ts'
import type { EngineHost } from './engine-host.ts'
import { InlineLanes, type Outcome } from './inline-lanes.ts'
import { type InlinePromise, inlineCollection, inlineId } from './inline-promise.ts'
import { InlineTurn } from './inline-turn.ts'
import { addStanding, type Standing } from './standing.ts'
import type { Subscription } from './subscription.ts'

/**
 * A listener that has run when publish returns, unless an earlier event of its stream waits in the queue: then it runs behind that one. A throw is
 * returned, and the event goes to the subscription's own queue and retries. `start` as the subscription was registered.
 */
export function inlineListener(
  host: EngineHost,
  subscription: Subscription,
  engine: Engine,
  start: Position,
): InlineListener {
  const { settings } = subscription
  const deadlines = new Deadlines(host.runtime, settings.timeout)
  const durable = host.store.capabilities.durability !== 'memory'
  const handler = subscription.handler as unknown as (event: Event<unknown>, attempt: Attempt) => unknown
  const waiting = new Bag<Waiting>()
  const attempts: AttemptHost = {
    subscription: settings.name,
    run: subscription.run,
    prepare: host.attempts.prepare,
    claim: host.attempts.claim,
    begin: host.attempts.begin,
    commitFenced: (_partition, unit) => host.committer.commit(unit),
    findEffect: async (id) => (await host.store.find(effectsCollection, { id }))[0],
  }

  const promised = (record: EventRecord, state: InlinePromise['state']): DocumentChange => ({
    collection: inlineCollection,
    id: inlineId(subscription, record),
    put: JSON.stringify({ state, until: host.runtime.now() + settings.timeout + 5_000 } satisfies InlinePromise),
  })

  /** Undefined when it is durable that the listener has run. */
  const finish = (stored: StoredEvent, attempt: Attempt): Outcome => {
    attempt.settled = true
    if (!durable && !attempt.hasEffects && attempt.transaction === undefined) return undefined
    const { records, statements, expect, documents } = attempt.unit(
      durable
        ? {
            expect: [{ collection: inlineCollection, id: inlineId(subscription, stored.record), version: 1 }],
            documents: [promised(stored.record, 'done')],
          }
        : {},
    )
    const unit: Unit = {
      ...(expect === undefined ? {} : { expect }),
      ...(documents === undefined ? {} : { documents }),
      ...(records === undefined ? {} : { append: records }),
      ...(statements === undefined ? {} : { statements }),
    }
    const commit = attempt.transaction === undefined ? host.committer.commit(unit) : attempt.transaction.commit(unit)
    return commit.then(
      (result) => {
        if (result.status === 'refused') return failed(stored, attempt, result.error)
        if (result.status === 'conflict' && !isPromise(result.expectation))
          return failed(stored, attempt, conflictOf(result))
        if (result.status === 'committed' && result.repeated) return finishRest(stored, attempt, records)
        // A conflict with its promise: the queue has taken over meanwhile, and handles it.
        if (result.status === 'committed' && durable) turn.handled(stored)
        return undefined
      },
      (error: unknown) => failed(stored, attempt, error),
    )
  }

  /** What it has published stands already, so nothing of its unit was applied; what ran in a transaction is undone, and done anew. */
  const finishRest = (stored: StoredEvent, attempt: Attempt, records: readonly EventRecord[] = []): Outcome => {
    const standing = addStanding(attempt.standing, records)
    if (attempt.transaction === undefined) {
      attempt.standing = standing
      return finish(stored, attempt)
    }
    attempt.withdraw(standsAlready())
    return handle(stored, attempt.event, undefined, standing)
  }

  /** A promise that is kept, by a commit whose answer was lost, stays. */
  const breakPromise = ({ record }: StoredEvent): void => {
    const promise = { collection: inlineCollection, id: inlineId(subscription, record) }
    void host.committer
      .commit({ expect: [{ ...promise, version: 1 }], documents: [{ ...promise, delete: true }] })
      // Then the queue waits until its time is over.
      .catch(() => {})
  }

  const failed = (stored: StoredEvent, attempt: Attempt | undefined, cause: unknown): Error => {
    const sound = soundError(cause)
    const error = sound instanceof Error ? sound : new Error(String(sound))
    attempt?.withdraw(withdrawal('its listener has failed'))
    host.log('warn', 'An inline listener has failed; its subscription tries again', {
      subscription: settings.name,
      error: error.message,
    })
    // With a durable store the queue finds the promise broken; without one there is no queue, so it is told.
    if (durable) breakPromise(stored)
    else engine.adopt(stored, 1)
    return error
  }

  const run = (stored: StoredEvent, scope: HandlerScope | undefined): Outcome => {
    try {
      const whole = host.whole(stored.record)
      return whole instanceof Promise
        ? whole.then(
            (record) => handle(stored, eventOf(record), scope),
            (error: unknown) => failed(stored, undefined, error),
          )
        : handle(stored, eventOf(whole), scope)
    } catch (error) {
      return failed(stored, undefined, error)
    }
  }

  const handle = (
    stored: StoredEvent,
    event: Event<unknown>,
    scope: HandlerScope | undefined,
    standing?: Standing,
  ): Outcome => {
    let attempt: Attempt | undefined
    try {
      attempt = new Attempt(attempts, event, stored.partition, 1, undefined, expire)
      attempt.standing = standing
      // What the filter leaves out is heard, too, or the queue would wait for its promise.
      if (settings.filter !== undefined && !settings.filter(event as Event<never>)) return finish(stored, attempt)
      const result = (scope ?? runCausedBy)(event, handler, event, attempt)
      const waits = isThenable(result) ? result : attempt.gathered()
      return waits === undefined ? finish(stored, attempt) : settleLater(stored, attempt, waits)
    } catch (error) {
      return failed(stored, attempt, error)
    }
  }

  const turn = new InlineTurn(host.store, host.runtime, subscription, start)
  const lanes = new InlineLanes({
    runtime: host.runtime,
    before: durable ? (stored) => turn.before(stored) : ({ stream }) => (engine.busyWith(stream) ? 'queued' : 'done'),
    run,
    giveAway(stored) {
      if (durable) breakPromise(stored)
      else engine.adopt(stored, 0)
    },
    queueWaits: durable,
    progressed: () => host.progressed(),
  })

  const hear = (stored: StoredEvent): Outcome =>
    settings.order === 'none'
      ? run(stored, undefined)
      : lanes.enter(settings.order === 'all' ? '' : stored.stream, stored)

  /** A promise that still stands means that its publisher has not run the listener; then this one does. */
  const hearOnce = (stored: StoredEvent): Promise<Error | undefined> =>
    host.store.find(inlineCollection, { id: inlineId(subscription, stored.record) }).then(
      ([document]) => (document?.version === 1 ? hear(stored) : undefined),
      // The queue will ask.
      () => undefined,
    )

  return {
    name: settings.name,
    get busy() {
      return lanes.busy
    },
    close() {
      lanes.close()
      deadlines.close()
      for (const { attempt, end } of waiting.all()) if (attempt.withdrawn !== undefined) end()
    },
    promise: (record) => (durable ? promised(record, 'pending') : undefined),
    hear(stored, repeated) {
      if (!repeated) return hear(stored)
      // Without promises there is nothing that outlives a first publish, so whoever repeats it has been heard.
      return durable ? hearOnce(stored) : undefined
    },
  }

  function settleLater(stored: StoredEvent, attempt: Attempt, waits: Promise<unknown>): Promise<Error | undefined> {
    deadlines.add(attempt)
    return new Promise((resolve) => {
      const end = (error?: unknown): void => {
        if (!waiting.delete(one)) return
        one.abandon?.cancel()
        resolve(ended(stored, attempt, error))
      }
      const one: Waiting = { attempt, end, abandon: undefined, place: -1 }
      attempt.owner = one
      waiting.add(one)
      waits.then(
        () => {
          const gathered = attempt.withdrawn === undefined ? attempt.gathered() : undefined
          if (gathered === undefined) end()
          else gathered.then(() => end(), end)
        },
        (error: unknown) => end(error ?? new Error('The listener rejected with nothing')),
      )
    })
  }

  function ended(stored: StoredEvent, attempt: Attempt, error?: unknown): Outcome {
    deadlines.remove(attempt)
    const failure = attempt.withdrawn ?? error
    return failure === undefined ? finish(stored, attempt) : failed(stored, attempt, failure)
  }

  function expire(attempt: Attempt): void {
    attempt.withdraw(
      withdrawal(
        `its listener took longer than ${settings.timeout} ms (option \`timeout\`)`,
        'TIDINGS_HANDLER_TIMEOUT',
      ),
    )
    // One that has not noticed after a while is not waited for any longer: publish must end.
    const one = attempt.owner as Waiting
    if (one.place !== -1) one.abandon = host.runtime.setTimer(settings.abandonAfter, () => one.end())
  }
}

function isPromise(expectation: Expectation): boolean {
  return 'collection' in expectation && expectation.collection === inlineCollection
}

/** One that a publisher waits for. */
interface Waiting extends Bagged {
  readonly attempt: Attempt
  readonly end: (error?: unknown) => void
  /** Set when it is out of time. */
  abandon: Timer | undefined
}
