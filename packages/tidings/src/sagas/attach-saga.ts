import type { Attached } from '../bus/attachment.ts'
import { type BusParts, partsOf } from '../bus/bus-parts.ts'
import type { EventBus } from '../bus/event-bus.ts'
import type { Event } from '../events/event.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Attempt } from '../subscriber/attempt.ts'
import type { HandlerContext } from '../subscriber/handler-context.ts'
import type { RetryOptions } from '../subscriber/subscribe-options.ts'
import { checkDefinition } from './check-definition.ts'
import { sagaEvents, subscriptionOfSaga } from './saga-events.ts'
import { handleSagaEvent } from './saga-handler.ts'
import type { SagaHost } from './saga-host.ts'
import type { CallPlan, SagaPlan } from './saga-plan.ts'
import { sagaRemarks } from './saga-remarks.ts'
import { sweepSagas } from './sweep-sagas.ts'
import { Turns } from './turns.ts'

/** Longest that one handling may take, in milliseconds: each step has a timeout of its own. */
const longest = 86_400_000

/** Puts a saga onto a bus; onto one that drives none, nothing. Throws `TIDINGS_NOT_SUPPORTED` where nothing is remembered. */
export function attachSaga(bus: EventBus, plan: SagaPlan): Attached {
  const parts = partsOf(bus)
  if (!parts.sagas) {
    parts.log('info', 'A saga is left to other processes, for this one drives none', { saga: plan.name })
    return {}
  }
  if (parts.direct)
    throw new TidingsError(
      'TIDINGS_NOT_SUPPORTED',
      `The saga ${plan.name} needs a store: without one, nothing would remember where it stands.`,
      {
        details: { saga: plan.name },
      },
    )
  const host = hostOf(bus, parts, plan)
  let stop: (() => void) | undefined
  return {
    async prepare() {
      await checkDefinition(parts.store, parts.runtime, host.plan)
      bus.subscribe(
        [...plan.hears, ...plan.nextHears, host.events.due, host.events.asked],
        {
          name: subscriptionOfSaga(plan.name),
          timeout: longest,
          from: plan.from,
          onChange: 'accept',
          retry: plan.reacts === undefined ? { tries: 10 } : retryOf(plan.reacts.calls),
          ...(plan.concurrency === undefined ? {} : { concurrency: plan.concurrency }),
        },
        (event: Event<unknown>, context: HandlerContext) => handleSagaEvent(host, event, context as Attempt),
      )
    },
    started() {
      stop = sweepSagas(parts.store, parts.runtime, parts.log)
    },
    close() {
      stop?.()
    },
  }
}

function hostOf(bus: EventBus, parts: BusParts, plan: SagaPlan): SagaHost {
  const { store, committer, runtime, publisher, log, meter } = parts
  const timeout = plan.timeout ?? parts.sagaTimeout
  return {
    store,
    committer,
    runtime,
    publisher,
    log,
    source: bus.source,
    events: sagaEvents(plan.name),
    turns: new Turns(),
    plan: { ...plan, timeout: Number.isFinite(timeout) ? timeout : undefined },
    early: Number.isFinite(timeout) ? timeout : plan.keep,
    keep: plan.keep,
    scheduled: (at) => parts.scheduled(at),
    remark: sagaRemarks(plan.name, log, meter),
  }
}

function retryOf({ tries, backoff }: CallPlan): RetryOptions {
  return backoff === undefined ? { tries } : { tries, backoff }
}
