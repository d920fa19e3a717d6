import type { EventBus } from '../bus/event-bus.ts'
import { partsWithLog } from '../bus/parts-with-log.ts'
import { currentContext } from '../events/ambient-context.ts'
import { TidingsError } from '../kernel/errors.ts'
import { attribute } from '../prepare/attributes.ts'
import type { StreamName } from '../store/store.ts'
import type { Aggregate } from './define-aggregate.ts'
import { readState } from './stream-state.ts'

export interface LoadOptions {
  /** Whose. Default: the tenant of the surroundings, else none. */
  readonly tenantId?: string
  /** The state as it was at this version. Default: as it is. */
  readonly upTo?: number
}

export interface Loaded<State> {
  readonly state: State
  /** How many events have led here; 0 before the first. */
  readonly version: number
}

/**
 * The state of a thing now, or at an earlier version. Rejects with `TIDINGS_UPGRADE_NEEDED` for events that this process does not know, with
 * `TIDINGS_HISTORY_GONE` where events are missing, and with `TIDINGS_EVOLVE_FAILED` where `evolve` does not do its part.
 */
export async function load<State>(
  bus: EventBus,
  aggregate: Aggregate<State>,
  key: string,
  options: LoadOptions = {},
): Promise<Loaded<State>> {
  const { upTo, tenantId } = options
  if (upTo !== undefined && !(Number.isSafeInteger(upTo) && upTo >= 0)) {
    throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `upTo` to be a whole number of at least 0.', {
      details: { field: 'upTo' },
    })
  }
  const { state, version } = await readState(
    partsWithLog(bus, 'An aggregate'),
    aggregate,
    streamFor(aggregate, key, tenantId),
    { upTo },
  )
  return { state, version }
}

/** The stream of a thing. Throws `TIDINGS_INVALID_EVENT` for a key or tenant that no stream can have. */
export function streamFor({ category }: Aggregate, key: string, tenantId: string | undefined): StreamName {
  const tenant = tenantId ?? currentContext()?.tenantId ?? ''
  return { tenant: tenant === '' ? '' : attribute('tenantId', tenant), category, key: attribute('key', key) }
}
