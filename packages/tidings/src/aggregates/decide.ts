import type { EventBus } from '../bus/event-bus.ts'
import { decideAll } from './decide-all.ts'
import type { DecideOptions, Decider, Decision } from './decision.ts'
import type { Aggregate } from './define-aggregate.ts'

/**
 * Loads the state of a thing, decides, and appends what was decided at the version it was decided for. Where somebody else was faster, it loads what
 * they have written and decides again, `tries` times at most. All events of a decision are written together, or none.
 *
 * Rejects with what the decider throws (nothing is written), with `TIDINGS_CONFLICT` when beaten too often, with `TIDINGS_INVALID_EVENT` for an event
 * of another stream, and with what `load` rejects with.
 */
export async function decide<State>(
  bus: EventBus,
  aggregate: Aggregate<State>,
  key: string,
  decider: Decider<State>,
  options: DecideOptions = {},
): Promise<Decision<State>> {
  const { states, versions, ...rest } = await decideAll(
    bus,
    [[aggregate, key]],
    ([state], { versions: [version = 0], attempt }) => decider(state, { key, version, attempt }),
    options,
  )
  return { state: states[0], version: versions[0] as number, ...rest }
}
