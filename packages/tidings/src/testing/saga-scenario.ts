import { isDeepStrictEqual } from 'node:util'

import type { EventDraft } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import type { Json } from '../events/plain.ts'
import { type Duration, milliseconds } from '../kernel/duration.ts'
import { operationsOf } from '../operations/operations.ts'
import type { SagaDefinition } from '../sagas/define-saga.ts'
import type { SagaStatus } from '../sagas/saga-document.ts'
import { createTestBus, type TestBusOptions, type TestWorld } from './create-test-bus.ts'

/** What must be so at the end; what is not named is not looked at. */
export interface SagaOutcome {
  readonly status?: SagaStatus
  /** What the saga has published since the last `when`, in this order: types and data. An empty list: nothing. */
  readonly published?: readonly EventDraft[]
  /** Where steps stand, by name, such as `{ profile: 'waiting' }`; others are not looked at. */
  readonly steps?: Readonly<Record<string, string>>
  /** Of a saga that reacts. */
  readonly state?: Json
}

export interface SagaScenario {
  /** What has happened before, in this order, each with all that follows from it. */
  given(...events: readonly EventDraft[]): SagaScenario
  /** What happens then. What the saga publishes is counted from here. */
  when(...events: readonly EventDraft[]): SagaScenario
  /** So much time passes then; timers fire. */
  after(time: Duration): SagaScenario
  /** Plays it in a world of its own, in virtual time. Rejects with what is otherwise. */
  expect(outcome: SagaOutcome): Promise<void>
}

type Act = (world: TestWorld) => Promise<unknown>

/** Given these events, when that one comes or time passes, then the saga has published these and stands so. Expects one saga alone. */
export function sagaScenario(definition: SagaDefinition, options: TestBusOptions = {}): SagaScenario {
  return scenario(definition, options, [], undefined)
}

function scenario(
  definition: SagaDefinition,
  options: TestBusOptions,
  acts: readonly Act[],
  whenAt: number | undefined,
): SagaScenario {
  const more = (act: Act, isWhen: boolean): SagaScenario =>
    scenario(definition, options, [...acts, act], isWhen ? acts.length : whenAt)
  return {
    given: (...events) => more((world) => publish(world, events), false),
    when: (...events) => more((world) => publish(world, events), true),
    after: (time) => more((world) => pass(world, time), true),
    expect: (outcome) => play(definition, options, acts, whenAt ?? 0, outcome),
  }
}

async function play(
  definition: SagaDefinition,
  options: TestBusOptions,
  acts: readonly Act[],
  whenAt: number,
  outcome: SagaOutcome,
): Promise<void> {
  await using world = await createTestBus(options)
  world.bus.use(definition)
  let before = 0
  for (const [at, act] of acts.entries()) {
    if (at === whenAt) before = byTheSaga(world).length
    await act(world)
  }
  const found = differences(outcome, {
    ...(await standing(world)),
    published: byTheSaga(world)
      .slice(before)
      .map(({ type, data }) => ({ type, data })),
  })
  if (found.length > 0) throw new Error(`The saga ${definition.plan.name} is not as expected. ${found.join(' ')}`)
}

async function publish(world: TestWorld, events: readonly EventDraft[]): Promise<void> {
  for (const event of events) {
    await world.bus.publish(event)
    await world.bus.settled()
  }
}

async function pass(world: TestWorld, time: Duration): Promise<void> {
  milliseconds(time, 'after')
  await world.clock.advance(time)
  await world.bus.settled()
}

/** What names an event as its cause was published by somebody who handled one. */
function byTheSaga(world: TestWorld): readonly Event<unknown>[] {
  return world.published().filter(({ context }) => context.causationId !== undefined)
}

interface Standing {
  readonly status: SagaStatus | undefined
  readonly steps: Readonly<Record<string, string>>
  readonly state: Json | undefined
}

async function standing(world: TestWorld): Promise<Standing> {
  const { sagas } = operationsOf(world.bus)
  const [entry] = (await sagas.list()).items
  if (entry === undefined) return { status: undefined, steps: {}, state: undefined }
  const { status, steps, state } = await sagas.show(entry, { reveal: true })
  return { status, steps: Object.fromEntries(steps.map(({ name, is }) => [name, is])), state }
}

function differences(
  outcome: SagaOutcome,
  actual: Standing & { readonly published: readonly { readonly type: string; readonly data: unknown }[] },
): readonly string[] {
  const found: string[] = []
  const compare = (what: string, expected: unknown, got: unknown): void => {
    if (!isDeepStrictEqual(plainly(expected), plainly(got)))
      found.push(`Expected ${what} ${JSON.stringify(expected)}, got ${JSON.stringify(got)}.`)
  }
  if (outcome.status !== undefined) compare('status', outcome.status, actual.status)
  for (const [name, is] of Object.entries(outcome.steps ?? {})) compare(`step ${name}`, is, actual.steps[name])
  if (outcome.state !== undefined) compare('state', outcome.state, actual.state)
  if (outcome.published !== undefined) {
    const expected = outcome.published.map(({ definition, data }) => ({ type: definition.type, data: data as unknown }))
    compare('to be published', expected, actual.published)
  }
  return found
}

/** As JSON reads it back: what events carry is nothing else. */
function plainly(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}
