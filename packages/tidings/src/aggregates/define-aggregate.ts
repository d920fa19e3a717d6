import type { AnyEventDefinition, DataOf } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import { Mistakes } from '../kernel/mistakes.ts'

export interface AggregateOptions<State, Definitions extends readonly AnyEventDefinition[]> {
  /** The state before the first event, or what makes it from the key. Frozen, where it is plain data: a state is replaced, never changed. */
  readonly initial: State | ((key: string) => State)
  /** The next state after an event. Pure, and total over the events of `on`: it is run again over all of them, for ever. */
  readonly evolve: (state: State, event: Event<DataOf<Definitions[number]>>) => State
  /**
   * The events of its streams. With it, events of older versions pass their upcasters, and a type that is not listed is a clear error
   * (`TIDINGS_UPGRADE_NEEDED`) rather than a wrong state. Without it `evolve` gets whatever there is, as it was stored.
   */
  readonly on?: Definitions
  /** Raise it whenever `initial`, `evolve` or the shape of the state changes: snapshots of other versions are passed over. Default 1. */
  readonly version?: number
  /** Keeps states, so that long streams need not be read from their beginning. Default: none are kept. */
  readonly snapshot?: SnapshotOptions<State>
  /** What tells it from other aggregates of the same category. Default: the category. */
  readonly name?: string
}

export interface SnapshotOptions<State> {
  /** A snapshot is taken when a decision leads so many events beyond the last one, at least 1. Fewer means more writes, more means longer reads. */
  readonly every: number
  /** The state as JSON data, where it is not that already. Default: as it is. */
  save?(state: State): unknown
  /** The state of what `save` has returned. Default: as it is. */
  restore?(saved: never): State
}

/** How a state follows from the events of a stream. Immutable; safe to share between buses. */
export interface Aggregate<State = unknown> {
  readonly category: string
  readonly name: string
  readonly version: number
  readonly definitions: ReadonlyMap<string, AnyEventDefinition> | undefined
  readonly snapshot: Required<SnapshotOptions<State>> | undefined
  initial(key: string): State
  evolve(state: State, event: Event<unknown>): State
}

/** The state of an aggregate. */
export type StateOf<Of> = Of extends Aggregate<infer State> ? State : never

const optionNames: Readonly<Record<keyof AggregateOptions<unknown, []>, true>> = {
  initial: true,
  evolve: true,
  on: true,
  version: true,
  snapshot: true,
  name: true,
}

const snapshotNames: Readonly<Record<keyof SnapshotOptions<unknown>, true>> = { every: true, save: true, restore: true }

const names = /^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/

/**
 * Says how the state of a thing follows from its events. The thing is a stream: all events of one tenant, this category and one key. Throws
 * `TIDINGS_INVALID_OPTION` naming every mistake at once.
 */
export function defineAggregate<State, const Definitions extends readonly AnyEventDefinition[] = AnyEventDefinition[]>(
  category: string,
  options: AggregateOptions<State, Definitions>,
): Aggregate<State> {
  const { initial, evolve, on, version = 1, snapshot, name = category } = options
  const mistakes = new Mistakes()
  mistakes.refuseUnknown(options, optionNames)
  mistakes.refuseUnknown(snapshot, snapshotNames, 'snapshot.')
  const isName = (text: unknown): boolean => typeof text === 'string' && names.test(text) && text.length <= 200
  mistakes.expect(isName(category), '`category` to be written like a type of event', category)
  mistakes.expect(isName(name), '`name` to be written like a type of event', name)
  mistakes.expect(typeof evolve === 'function', '`evolve` to be a function', evolve)
  mistakes.expect(initial !== undefined, '`initial` to be the state before the first event')
  mistakes.expect(
    Number.isSafeInteger(version) && version >= 1,
    '`version` to be a whole number of at least 1',
    version,
  )
  mistakes.expect(on === undefined || Array.isArray(on), '`on` to be a list of definitions', on)
  for (const definition of on ?? []) checkDefinition(definition, category, mistakes)
  checkSnapshot(snapshot, mistakes)
  mistakes.throwAny(`Cannot define aggregate ${JSON.stringify(String(category).slice(0, 80))}`, { category })
  const before = typeof initial === 'function' ? (initial as (key: string) => State) : constant(initial)
  return Object.freeze({
    category,
    name,
    version,
    definitions: on === undefined ? undefined : new Map(on.map((definition) => [definition.type, definition])),
    snapshot: snapshot && snapshotOf(snapshot),
    initial: before,
    evolve,
  })
}

function checkDefinition(definition: AnyEventDefinition, category: string, mistakes: Mistakes): void {
  if (typeof definition?.create !== 'function') {
    mistakes.expect(false, '`on` to list definitions of events', definition)
    return
  }
  const { type, retention, dedup } = definition
  mistakes.expect(
    definition.category === category,
    `${type} in \`on\` to be of category ${category}, else it is never in such a stream`,
    definition.category,
  )
  mistakes.expect(
    retention === undefined || retention === Number.POSITIVE_INFINITY,
    `${type} in \`on\` to have no \`retention\`: a state is rebuilt from all of its events; archive them instead`,
  )
  mistakes.expect(dedup === 'none', `${type} in \`on\` to be without \`dedup\`: what was decided is written`)
}

function checkSnapshot(snapshot: SnapshotOptions<unknown> | undefined, mistakes: Mistakes): void {
  if (snapshot === undefined) return
  const { every } = snapshot
  mistakes.expect(
    Number.isSafeInteger(every) && every >= 1,
    '`snapshot.every` to be a whole number of at least 1',
    every,
  )
  for (const field of ['save', 'restore'] as const) {
    const value: unknown = snapshot[field]
    mistakes.expect(value === undefined || typeof value === 'function', `\`snapshot.${field}\` to be a function`, value)
  }
}

function constant<State>(state: State): () => State {
  freeze(state)
  return () => state
}

/** Plain data through and through; whatever else is left as it is. */
function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== Array.prototype) return
  Object.freeze(value)
  for (const member of Object.values(value)) freeze(member)
}

function snapshotOf<State>(options: SnapshotOptions<State>): Required<SnapshotOptions<State>> {
  return {
    every: options.every,
    save: (state) => (options.save === undefined ? state : options.save(state)),
    restore: (saved: never) => (options.restore === undefined ? saved : options.restore(saved)),
  }
}
