import { runCausedBy } from '../events/ambient-context.ts'
import type { Event } from '../events/event.ts'
import { eventOf } from '../events/record-codec.ts'
import type { EventRecord } from '../events/record.ts'
import type { InlineListener } from '../publisher/publisher.ts'
import type { DocumentChange, StoredEvent } from '../store/store.ts'
import { Attempt, type AttemptHost, withdrawal } from './attempt.ts'
import type { Engine, EngineHost } from './engine.ts'
import { inlineCollection, inlineId, type InlinePromise } from './inline-promise.ts'
import type { Subscription } from './subscription.ts'

/** A listener that has run when publish returns. A throw is returned, and the event goes to the subscription's own queue and retries. */
export function inlineListener(host: EngineHost, subscription: Subscription, engine: Engine): InlineListener {
  const { settings } = subscription
  const durable = host.store.capabilities.durability !== 'memory'
  const handler = subscription.handler as unknown as (event: Event<unknown>, attempt: Attempt) => unknown
  const attempts: AttemptHost = {
    subscription: settings.name,
    run: subscription.run,
    prepare: host.attempts.prepare,
    begin: host.attempts.begin,
    commitFenced: (_partition, unit) => host.committer.commit(unit),
    findEffect: async (id) => (await host.store.find('effects', { id }))[0],
  }

  const promised = (record: EventRecord, state: InlinePromise['state']): DocumentChange => ({
    collection: inlineCollection,
    id: inlineId(subscription, record),
    put: JSON.stringify({ state, until: host.runtime.now() + settings.timeout + 5_000 } satisfies InlinePromise),
  })

  /** Undefined when it is durable that the listener has run. */
  const finish = (stored: StoredEvent, attempt: Attempt): Error | undefined | Promise<Error | undefined> => {
    attempt.settled = true
    if (!durable && !attempt.hasEffects && attempt.transaction === undefined) return undefined
    const unit = {
      ...(durable ? { expect: [{ collection: inlineCollection, id: inlineId(subscription, stored.record), version: 1 }], documents: [promised(stored.record, 'done')] } : {}),
      ...(attempt.records === undefined ? {} : { append: attempt.records }),
      ...(attempt.statements === undefined ? {} : { statements: attempt.statements }),
    }
    const commit = attempt.transaction === undefined ? host.committer.commit(unit) : attempt.transaction.commit(unit)
    return commit.then(
      // A conflict: the queue has taken over meanwhile, and handles it.
      (result) => (result.status === 'refused' ? failed(stored, attempt, result.error) : undefined),
      (error: unknown) => failed(stored, attempt, error),
    )
  }

  const failed = (stored: StoredEvent, attempt: Attempt | undefined, cause: unknown): Error => {
    const error = cause instanceof Error ? cause : new Error(String(cause))
    attempt?.withdraw(withdrawal('its listener has failed'))
    host.log('warn', 'An inline listener has failed; its subscription tries again', { subscription: settings.name, error: error.message })
    // With a durable store the queue finds the promise broken; without one there is no queue, so it is told.
    if (durable) void host.committer.commit({ documents: [{ collection: inlineCollection, id: inlineId(subscription, stored.record), delete: true }] }).catch(() => {})
    else engine.adopt(stored, 1)
    return error
  }

  return {
    name: settings.name,
    promise: (record) => (durable ? promised(record, 'pending') : undefined),
    hear(stored) {
      if (!durable && engine.busyWith(stored.stream)) {
        // An earlier event of the stream waits for its retry; overtaking it would break the order.
        engine.adopt(stored, 0)
        return undefined
      }
      let attempt: Attempt | undefined
      try {
        const event = eventOf(stored.record)
        if (settings.filter !== undefined && !settings.filter(event as Event<never>)) return undefined
        attempt = new Attempt(attempts, event, stored.partition, 1, noExpiry)
        const result = runCausedBy(event, handler, event, attempt)
        if (typeof result !== 'object' || result === null || typeof (result as { then?: unknown }).then !== 'function') {
          const gathered = attempt.gathered()
          if (gathered === undefined) return finish(stored, attempt)
        }
        return settleLater(stored, attempt, result)
      } catch (error) {
        return failed(stored, attempt, error)
      }
    },
  }

  async function settleLater(stored: StoredEvent, attempt: Attempt, result: unknown): Promise<Error | undefined> {
    const timer = host.runtime.setTimer(settings.timeout, () =>
      attempt.withdraw(withdrawal(`its listener took longer than ${settings.timeout} ms (option \`timeout\`)`, 'TIDINGS_HANDLER_TIMEOUT')),
    )
    try {
      await result
      await attempt.gathered()
      if (attempt.withdrawn !== undefined) throw attempt.withdrawn
      return await finish(stored, attempt)
    } catch (error) {
      return failed(stored, attempt, attempt.withdrawn ?? error)
    } finally {
      timer.cancel()
    }
  }
}

function noExpiry(): void {}
