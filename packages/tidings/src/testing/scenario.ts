import { deepStrictEqual } from 'node:assert/strict'

import type { Decided, Decider } from '../aggregates/decision.ts'
import { draftsOf } from '../aggregates/decision.ts'
import type { Aggregate } from '../aggregates/define-aggregate.ts'
import { fold } from '../aggregates/fold.ts'
import type { EventDraft } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import { isTidingsError, TidingsError } from '../kernel/errors.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { prepare } from '../prepare/prepare.ts'

/** What has happened to a thing; now something is decided. */
export interface Given<State> {
  /** Adds to what has happened. */
  and(...events: readonly EventDraft[]): Given<State>
  when(decider: Decider<State>): Deciding<State>
}

/** What a decision is held to. Each of them rejects with an assertion that shows both sides. */
export interface Deciding<State> {
  /** These events, in this order, with this data and nothing else; none given: nothing happens. */
  then(...events: readonly EventDraft[]): Promise<void>
  /** Nothing happens. */
  thenNothing(): Promise<void>
  /** The decider throws; what it throws has this code, name or message, or matches. */
  thenThrows(expected?: string | RegExp): Promise<void>
  /** The state after it. */
  thenState(state: State): Promise<void>
}

/**
 * Given what has happened to a thing, when something is decided, then this follows. Needs no bus: the events pass the same checks as in a publish (schema,
 * category, key) and the same `evolve`.
 */
export function given<State>(aggregate: Aggregate<State>, ...events: readonly EventDraft[]): Given<State> {
  return {
    and: (...more) => given(aggregate, ...events, ...more),
    when: (decider) => deciding(aggregate, events, decider),
  }
}

function deciding<State>(
  aggregate: Aggregate<State>,
  before: readonly EventDraft[],
  decider: Decider<State>,
): Deciding<State> {
  const decided = async (): Promise<{ readonly events: readonly Event<unknown>[]; readonly state: State }> => {
    const world = new World(aggregate)
    await world.happen(before)
    const { key = '', version, state } = world
    const answer: Decided = await decider(state, { key, version, attempt: 1 })
    return { events: await world.happen(draftsOf(answer)), state: world.state }
  }
  const holds = async (expected: readonly EventDraft[]): Promise<void> => {
    const wanted = new World(aggregate)
    await wanted.happen(before)
    deepStrictEqual((await decided()).events.map(shown), (await wanted.happen(expected)).map(shown))
  }
  return {
    // oxlint-disable-next-line unicorn/no-thenable -- The three words belong together; an await by mistake is told below.
    then(...events) {
      // Whoever awaits it calls `then`, too, and would otherwise wait for a check that nobody has asked for.
      const [, reject] = events as readonly unknown[]
      if (typeof reject !== 'function') return holds(events)
      reject(unchecked())
      return Promise.resolve()
    },
    thenNothing: () => holds([]),
    async thenState(state) {
      deepStrictEqual((await decided()).state, state)
    },
    async thenThrows(expected) {
      const error: unknown = await decided().then(
        ({ events }) => deepStrictEqual(events.map(shown), 'an error'),
        (thrown: unknown) => thrown,
      )
      if (!saysSo(error, expected)) throw error
    },
  }
}

/** One stream, in memory. */
class World<State> {
  readonly #aggregate: Aggregate<State>
  readonly #options = { runtime: virtualRuntime(), source: '/scenario', validate: true }
  #state: State | undefined
  key: string | undefined
  version = 0

  constructor(aggregate: Aggregate<State>) {
    this.#aggregate = aggregate
  }

  get state(): State {
    return this.version === 0 ? this.#aggregate.initial(this.key ?? '') : (this.#state as State)
  }

  async happen(drafts: readonly EventDraft[]): Promise<readonly Event<unknown>[]> {
    const events: Event<unknown>[] = []
    for (const draft of drafts) {
      const event = await prepare(draft, {}, this.#options)
      this.key ??= event.key
      if (event.category !== this.#aggregate.category || event.key !== this.key) {
        throw new TidingsError(
          'TIDINGS_INVALID_EVENT',
          `Expected ${event.type} to be of category ${this.#aggregate.category} and of the same key as the other events.`,
          { details: { field: 'stream', type: event.type } },
        )
      }
      this.#state = fold(this.#aggregate, this.state, event, this.version + 1)
      this.version++
      events.push(event)
    }
    return events
  }
}

function shown({ type, data }: Event<unknown>): { readonly type: string; readonly data: unknown } {
  return { type, data: structuredClone(data) }
}

function saysSo(error: unknown, expected: string | RegExp | undefined): boolean {
  if ((error as { code?: unknown } | undefined)?.code === 'ERR_ASSERTION') return false
  if (expected === undefined) return true
  const { name, message } = error instanceof Error ? error : { name: '', message: String(error) }
  if (typeof expected !== 'string') return expected.test(message)
  return name === expected || message.includes(expected) || (isTidingsError(error) && error.code === expected)
}

function unchecked(): TidingsError {
  return new TidingsError(
    'TIDINGS_INVALID_OPTION',
    'Expected `when` to be followed by `then`, `thenNothing`, `thenThrows` or `thenState`: by itself it checks nothing.',
    { details: { field: 'then' } },
  )
}
