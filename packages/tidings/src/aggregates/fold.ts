import type { Event } from '../events/event.ts'
import { TidingsError } from '../kernel/errors.ts'
import { isThenable } from '../kernel/is-thenable.ts'
import type { Aggregate } from './define-aggregate.ts'

/**
 * The state after one more event. Throws `TIDINGS_UPGRADE_NEEDED` for a type that the aggregate does not know, and `TIDINGS_EVOLVE_FAILED` where
 * `evolve` throws or returns what cannot be a state.
 */
export function fold<State>(aggregate: Aggregate<State>, state: State, event: Event<unknown>, version: number): State {
  const { definitions, category } = aggregate
  const { type } = event
  if (definitions !== undefined && !definitions.has(type)) {
    throw new TidingsError(
      'TIDINGS_UPGRADE_NEEDED',
      `Version ${version} of the stream is of type ${type.slice(0, 200)}, which the aggregate ${aggregate.name} does not list in \`on\`.`,
      { details: { category, type, streamVersion: version, reason: 'unknown-type' } },
    )
  }
  let next: State
  try {
    next = aggregate.evolve(state, event)
  } catch (error) {
    throw failed(aggregate, type, version, 'threw', error)
  }
  if (next === undefined) throw failed(aggregate, type, version, 'returned undefined')
  if (isThenable(next)) throw failed(aggregate, type, version, 'returned a promise')
  return next
}

function failed(
  { name, category }: Pick<Aggregate, 'name' | 'category'>,
  type: string,
  version: number,
  what: string,
  cause?: unknown,
): TidingsError {
  return new TidingsError(
    'TIDINGS_EVOLVE_FAILED',
    `\`evolve\` of the aggregate ${name} ${what} at version ${version} (${type.slice(0, 200)}). It must be pure and return the next state.`,
    { cause, details: { category, type, streamVersion: version } },
  )
}
