import type { Event } from '../events/event.ts'
import { isTidingsError, PermanentError, TidingsError } from '../kernel/errors.ts'
import type { Attempt } from '../subscriber/attempt.ts'
import { inputOf, keyOf } from './input-of.ts'
import { callAll } from './make-calls.ts'
import { migrated } from './migrate.ts'
import { react } from './react.ts'
import { type SagaDocument, sagaId } from './saga-document.ts'
import { type Answer, applied, momentOf, type SagaHost } from './saga-host.ts'
import type { Moment, SagaInput, Transition } from './saga-input.ts'
import type { SagaPlan } from './saga-plan.ts'
import { commitChange, joinChange, type KeptSaga, loadSaga } from './saga-store.ts'
import { callsOf, transition, unbegun } from './transition.ts'

/** Handles one event of a saga's subscription. */
export async function handleSagaEvent(host: SagaHost, event: Event<unknown>, attempt: Attempt): Promise<void> {
  refuseFuture(host.plan, event.type)
  const key = keyOf(host, event)
  if (key === undefined) return
  const tenant = event.context.tenantId ?? ''
  const id = sagaId({ saga: host.plan.name, tenant, key })
  const moment = momentOf(host, event)
  const end = await host.turns.take(id)
  try {
    for (;;) {
      const kept = await loadSaga(host, id)
      const answer = await handleOnce(host, attempt, kept, { tenant, key, event, moment })
      if (answer === 'beaten') continue
      if (answer === 'joined') attempt.afterwards(end)
      else end()
      if (typeof answer === 'object') await callAll(host, attempt, answer, moment)
      return
    }
  } catch (error) {
    end()
    throw error
  }
}

/** What it is about, and what it means, a later version knows. */
function refuseFuture({ name, version, nextHears }: SagaPlan, type: string): void {
  if (nextHears.some((one) => one.type === type))
    throw new TidingsError(
      'TIDINGS_UPGRADE_NEEDED',
      `Version ${version} of saga ${name} leaves events of type ${type} to a later one (option \`nextHears\`).`,
      { details: { saga: name, version, type } },
    )
}

async function handleOnce(
  host: SagaHost,
  attempt: Attempt,
  kept: KeptSaga,
  {
    tenant,
    key,
    event,
    moment,
  }: { readonly tenant: string; readonly key: string; readonly event: Event<unknown>; readonly moment: Moment },
): Promise<Answer> {
  const { plan } = host
  const before = kept.document === undefined ? unbegun(plan, tenant, key, moment.now) : migrated(plan, kept.document)
  const input = inputOf(plan, kept, before, event)
  if (input === 'reacts') return react(host, attempt, kept, before, event, moment)
  if (input === undefined) return 'nothing'
  const { document: after, remarks } = transitionOf(host, before, input, moment)
  const told = (answer: Answer): Answer => {
    for (const remark of remarks) host.remark(remark, after)
    return answer
  }
  if (callsOf(after, moment.heard.event).length === 0) {
    if (after === before) return told('nothing')
    await joinChange(host, attempt, kept, after)
    return told('joined')
  }
  // Before anything is called, what is to be called is known: nobody forgets to take back what may have happened.
  const marked = applied(after, moment.heard.event)
  const committed = marked === kept.document ? kept : await commitChange(host, attempt, kept, marked)
  return committed === undefined ? 'beaten' : told(committed)
}

function transitionOf(
  host: SagaHost,
  before: SagaDocument,
  input: SagaInput,
  moment: Moment,
): Transition<SagaDocument> {
  try {
    return transition(host.plan, before, input, moment)
  } catch (error) {
    if (isTidingsError(error)) throw error
    throw new PermanentError(`\`match\` of saga ${host.plan.name} threw at an event of type ${moment.heard.type}.`, {
      cause: error,
    })
  }
}
