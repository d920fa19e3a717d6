import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { defineSaga, parallel, step } from './define-saga.ts'
import { hasEnded, type SagaDocument } from './saga-document.ts'
import type { Moment, SagaInput } from './saga-input.ts'
import { callsOf, transition, unbegun } from './transition.ts'

const Started = defineEvent('thing.started')
const Answered = defineEvent('thing.answered')
const noop = (): void => {}

const { plan } = defineSaga('thing', {
  startsWith: Started,
  timeout: '1h',
  steps: [
    step('a', { run: noop, compensate: noop, retry: { tries: 2 }, retryCompensation: { tries: 2 } }),
    parallel(
      step('b', { run: noop, compensate: noop, waitFor: { event: Answered, timeout: '1m' } }),
      step('c', { run: noop, retry: { tries: 1 } }),
    ),
    step('d', { run: noop, compensate: noop, waitFor: { event: Answered } }),
  ],
})

const stepName = fc.constantFrom('a', 'b', 'c', 'd')
const outcome = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ ok: true } as const) },
  fc.constant({ ok: false, error: 'no', permanent: false } as const),
  fc.constant({ ok: false, error: 'never', permanent: true } as const),
  fc.constant({ ok: false, error: 'away', permanent: false, unavailable: true } as const),
)

/** What may happen next; `call` and `timer` take what the document has under way. */
const happening = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('call' as const), at: fc.nat(5), outcome }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('timer' as const), at: fc.nat(5) }) },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constant('event' as const), type: fc.constantFrom(Started, Answered) }),
  },
  fc.record({
    what: fc.constant('ask' as const),
    input: fc.oneof(
      fc.constant<SagaInput>({ kind: 'cancel', run: 1, by: 'ada' }),
      fc.boolean().map((skip): SagaInput => ({ kind: 'resume', run: 1, skip })),
      stepName.map((name): SagaInput => ({ kind: 'retry', run: 1, step: name })),
      stepName.map((name): SagaInput => ({ kind: 'signal', run: 1, step: name, data: null })),
      fc.constant<SagaInput>({ kind: 'again' }),
    ),
  }),
)

function check(before: SagaDocument, after: SagaDocument): void {
  const states = Object.entries(after.steps)
  const is = (name: string): string | undefined => after.steps[name]?.is
  // One thing is taken back at a time, and never while something is still on its way forward.
  const undoing = states.filter(([, one]) => one.is === 'undoing' || one.is === 'undo-retrying')
  expect(undoing.length).toBeLessThanOrEqual(1)
  if (undoing.length > 0) expect(states.some(([, one]) => one.is === 'running')).toBe(false)
  // In reverse order: what began before the one that is taken back now is not taken back yet.
  for (const [name] of undoing)
    for (const earlier of after.begun.slice(0, after.begun.indexOf(name)))
      expect(is(earlier), `${earlier} before ${name}`).not.toBe('undone')
  if (after.status === 'compensated') for (const name of after.begun) expect(is(name)).toBe('undone')
  if (after.status === 'done') for (const name of ['a', 'b', 'c', 'd']) expect(is(name)).toBe('done')
  if (hasEnded(after) || after.status === 'stuck') expect(after.timers).toEqual({})
  if (after.status === 'running' && before.status === 'running') expect(after.timers.saga).toBeDefined()
  // An end stays one, unless another saga begins.
  if (hasEnded(before) && after !== before) expect(after.run).toBe(before.run + 1)
  // Something is always to come: a call, a timer, an event that is waited for, or an operator.
  if (after.status === 'compensating')
    expect(states.some(([, one]) => ['running', 'undoing', 'undo-retrying'].includes(one.is))).toBe(true)
}

describe('the state machine of sagas', () => {
  it('keeps its rules whatever happens, in whatever order', () => {
    const ends = new Set<string>()
    fc.assert(
      fc.property(fc.array(happening, { minLength: 3, maxLength: 60 }), (all) => {
        let document = unbegun(plan, '', 'k', 0)
        for (const [at, one] of [{ what: 'event' as const, type: Started }, ...all].entries()) {
          const running = Object.entries(document.steps).flatMap(([name, state]) =>
            'by' in state
              ? callsOf(document, state.by)
                  .filter((call) => call.step === name)
                  .map((call) => ({ ...call, by: state.by }))
              : [],
          )
          const timers = Object.entries(document.timers)
          let input: SagaInput
          let event = `/test/${at}`
          if (one.what === 'call') {
            const call = running[one.at % Math.max(1, running.length)]
            if (call === undefined) continue
            event = call.by
            input = { kind: 'called', step: call.step, direction: call.direction, outcome: one.outcome }
          } else if (one.what === 'timer') {
            const timer = timers[one.at % Math.max(1, timers.length)]
            if (timer === undefined) continue
            input = { kind: 'due', run: document.run, timer: timer[0], seq: timer[1].seq }
          } else if (one.what === 'event') input = { kind: one.type === Started ? 'start' : 'event' }
          else input = 'run' in one.input ? { ...one.input, run: document.run } : one.input
          const type = one.what === 'event' ? one.type.type : 'tidings.test'
          const moment: Moment = { now: at * 1_000, heard: { type, event, data: {} }, chance: () => 0.5 }
          const frozen = JSON.stringify(document)
          const { document: after } = transition(plan, document, input, moment)
          expect(JSON.stringify(document)).toBe(frozen)
          check(document, after)
          // Pure: the same again gives the same.
          expect(transition(plan, document, input, moment).document).toEqual(after)
          document = after
          ends.add(document.status)
        }
      }),
      { numRuns: 1_500 },
    )
    expect([...ends].toSorted()).toEqual(['compensated', 'compensating', 'done', 'running', 'stuck'])
  }, 60_000)
})
