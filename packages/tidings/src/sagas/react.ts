import type { Event } from '../events/event.ts'
import { type Json, plain } from '../events/plain.ts'
import { isInternal } from '../events/type-pattern.ts'
import { type Duration, milliseconds } from '../kernel/duration.ts'
import { TidingsError } from '../kernel/errors.ts'
import { within } from '../kernel/lifecycle.ts'
import type { Attempt } from '../subscriber/attempt.ts'
import { EffectJournal } from './effect-journal.ts'
import { Gathering } from './saga-call.ts'
import type { ReactionContext } from './saga-context.ts'
import { hasEnded, type SagaDocument } from './saga-document.ts'
import type { SagaAsked, SagaDue } from './saga-events.ts'
import { type Answer, applied, type SagaHost } from './saga-host.ts'
import type { Moment, SagaInput } from './saga-input.ts'
import type { ReactsPlan, SagaPlan } from './saga-plan.ts'
import { commitChange, joinChange, type KeptSaga } from './saga-store.ts'
import { viewOf } from './saga-view.ts'
import { callsOf, transition } from './transition.ts'

type End = Extract<SagaInput, { kind: 'reacted' }>['end']

/**
 * Runs the reaction of a saga to one event: state, events published and the mark "handled" become true together.
 */
export async function react(
  host: SagaHost,
  attempt: Attempt,
  kept: KeptSaga,
  before: SagaDocument,
  event: Event<unknown>,
  moment: Moment,
): Promise<Answer> {
  const plan = host.plan.reacts as ReactsPlan
  const begun = started(host.plan, plan, before, event, moment)
  const reaction = reactionOf(plan, begun, event)
  if (begun === before && (before.status !== 'running' || reaction === undefined)) {
    host.remark(hasEnded(before) ? 'late' : 'unawaited', before)
    return 'nothing'
  }
  if (begun !== before) host.remark('started', begun)
  const gathering = new Gathering(host, begun)
  const journal = new EffectJournal(host, attempt, { ...kept, document: begun }, kept.document, moment)
  const set = new Map<string, number>()
  const drop = new Set<string>()
  let end: End
  const context: ReactionContext<never> = {
    ...(viewOf(begun) as ReactionContext<never>),
    attempt: attempt.attempt,
    signal: attempt.signal,
    publish: gathering.publish,
    write: gathering.write,
    effect: (name, run) => journal.effect(name, run),
    after(name, delay) {
      set.set(name, timerDue(plan, name, delay, host.runtime.now()))
      drop.delete(name)
    },
    stop(name) {
      set.delete(name)
      drop.add(name)
    },
    done() {
      end = { as: 'done' }
    },
    fail(why) {
      end = { as: 'failed', message: why }
    },
  }
  const state = structuredClone(begun.state ?? null)
  let next: unknown
  try {
    next = await reaction?.(state, context)
    await gathering.gathered()
    await journal.idle()
  } catch (error) {
    // Other effects may be under way, and how they end cannot be recorded once this attempt is over.
    if (attempt.withdrawn === undefined) await within(host.runtime, plan.calls.timeout, journal.idle())
    if (journal.beaten) return 'beaten'
    throw error
  } finally {
    gathering.close()
  }
  if (journal.beaten) return 'beaten'
  const now = { ...moment, now: host.runtime.now() }
  const input: SagaInput = {
    kind: 'reacted',
    state: next === undefined ? (begun.state ?? null) : plain(next as Json),
    set: [...set].map(([name, at]) => ({ name, at })),
    drop: [...drop, ...dueName(event)],
    ...(end === undefined ? {} : { end }),
  }
  const { document: after, remarks } = transition(host.plan, journal.kept.document as SagaDocument, input, now)
  const current: KeptSaga = { ...journal.kept, document: journal.stored }
  let answer: Answer = 'joined'
  if (callsOf(after, moment.heard.event).length === 0) await joinChange(host, attempt, current, after, gathering)
  else answer = (await commitChange(host, attempt, current, applied(after, moment.heard.event), gathering)) ?? 'beaten'
  if (answer !== 'beaten') for (const remark of remarks) host.remark(remark, after)
  return answer
}

/** The saga as this event starts it; `before` itself where it starts none. */
function started(
  plan: SagaPlan,
  { initial }: ReactsPlan,
  before: SagaDocument,
  event: Event<unknown>,
  moment: Moment,
): SagaDocument {
  const mayStart = before.status === 'early' || hasEnded(before)
  if (!mayStart || !plan.starts.some(({ type }) => type === event.type)) return before
  const { correlationId, userId } = event.context
  return transition(
    plan,
    before,
    {
      kind: 'start',
      state: plain(initial(event as Event<never>) as Json),
      ...(correlationId === undefined ? {} : { correlation: correlationId }),
      ...(userId === undefined ? {} : { user: userId }),
    },
    moment,
  ).document
}

function reactionOf(
  plan: ReactsPlan,
  saga: SagaDocument,
  event: Event<unknown>,
): ((state: unknown, context: ReactionContext<never>) => unknown) | undefined {
  if (!isInternal(event.type)) {
    const on = plan.on.get(event.type)
    return on === undefined ? undefined : (state, context) => on(state, event as Event<never>, context)
  }
  const data = event.data as SagaDue | SagaAsked
  if ('ask' in data) {
    const { ask } = data
    const signal = ask.what === 'signal' && data.run === saga.run ? plan.signals.get(ask.name) : undefined
    return signal === undefined || ask.what !== 'signal'
      ? undefined
      : (state, context) => signal(state, ask.data, context)
  }
  const timer = saga.timers[data.timer]
  const reaction = timer === undefined ? undefined : plan.timers.get(timer.of)
  return reaction === undefined ? undefined : (state, context) => reaction(state, context)
}

/** The timer that has brought us here is done with, unless it was set anew. */
function dueName(event: Event<unknown>): readonly string[] {
  if (!isInternal(event.type) || 'ask' in (event.data as object)) return []
  return [(event.data as SagaDue).timer.slice('own:'.length)]
}

function timerDue(plan: ReactsPlan, name: string, delay: Duration, now: number): number {
  if (!plan.timers.has(name))
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      `Expected \`after\` to name one of the saga's \`timers\`, got ${JSON.stringify(String(name).slice(0, 80))}.`,
      {
        details: { field: 'after' },
      },
    )
  return now + milliseconds(delay, 'delay')
}
