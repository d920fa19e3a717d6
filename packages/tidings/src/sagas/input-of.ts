import type { Event } from '../events/event.ts'
import { isInternal } from '../events/type-pattern.ts'
import { PermanentError } from '../kernel/errors.ts'
import { hasEnded, type SagaDocument } from './saga-document.ts'
import type { SagaAsked, SagaDue } from './saga-events.ts'
import type { SagaHost } from './saga-host.ts'
import type { SagaInput } from './saga-input.ts'
import type { SagaPlan } from './saga-plan.ts'
import type { KeptSaga } from './saga-store.ts'

/** A function of the user that throws says something of the event, not of the saga: the event is set aside. */
export function keyOf({ plan }: SagaHost, event: Event<unknown>): string | undefined {
  if (isInternal(event.type)) return (event.data as { key: string }).key
  let key: unknown
  try {
    key = plan.keyOf(event)
  } catch (error) {
    throw new PermanentError(`\`correlate\` of saga ${plan.name} threw at an event of type ${event.type}.`, {
      cause: error,
    })
  }
  if (key === undefined || key === null) return undefined
  if (typeof key === 'string' && key.length > 0 && key.length <= 300 && key.isWellFormed() && !/\p{Cc}/u.test(key))
    return key
  throw new PermanentError(
    `Expected \`correlate\` of saga ${plan.name} to answer 1 to 300 characters without control characters, or undefined, for an event of type ${event.type}.`,
  )
}

/** What an event means to a saga; undefined: nothing. `reacts`: its own function decides. */
export function inputOf(
  plan: SagaPlan,
  kept: KeptSaga,
  before: SagaDocument,
  event: Event<unknown>,
): SagaInput | 'reacts' | undefined {
  const by = `${event.source}/${event.id}`
  const isAgain = before.applied.includes(by)
  if (isAgain && (plan.reacts === undefined || before.status !== 'running')) return { kind: 'again' }
  if (isInternal(event.type)) {
    if (kept.document === undefined) return undefined
    const data = event.data as SagaDue | SagaAsked
    if ('ask' in data) {
      const { run, by: who, ask } = data
      if (ask.what === 'signal' && plan.reacts !== undefined) return 'reacts'
      if (ask.what === 'signal') return { kind: 'signal', run, step: ask.name, data: ask.data }
      if (ask.what === 'cancel')
        return { kind: 'cancel', run, by: who, ...(ask.why === undefined ? {} : { why: ask.why }) }
      return ask.what === 'resume'
        ? { kind: 'resume', run, skip: ask.skip }
        : { kind: 'retry', run, ...(ask.step === undefined ? {} : { step: ask.step }) }
    }
    const { run, timer, seq } = data
    if (
      plan.reacts !== undefined &&
      run === before.run &&
      before.timers[timer]?.seq === seq &&
      before.timers[timer].what === 'own'
    )
      return 'reacts'
    return { kind: 'due', run, timer, seq }
  }
  const isStart = plan.starts.some(({ type }) => type === event.type)
  if (plan.reacts !== undefined) return isStart || kept.document !== undefined ? 'reacts' : undefined
  const mayStart = before.status === 'early' || hasEnded(before)
  const isAwaited = [...plan.steps.values()].some(({ wait }) => wait?.types.includes(event.type) === true)
  if (!isStart || (!mayStart && isAwaited)) return { kind: 'event' }
  const { correlationId, userId } = event.context
  return {
    kind: 'start',
    ...(correlationId === undefined ? {} : { correlation: correlationId }),
    ...(userId === undefined ? {} : { user: userId }),
  }
}
