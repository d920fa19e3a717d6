import type { Bridge } from '../bridge/bridge.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { Store } from '../store/store.ts'
import { type Registration, register } from './registration.ts'

/**
 * Registers the relay of a service in its store. Rejects with `TIDINGS_SUBSCRIPTION_CHANGED` where the store is relayed by a service of another
 * source already: their relays would share the log, and each would pass over what is the other's.
 */
export async function registerRelay(
  store: Store,
  runtime: Runtime,
  { relay }: Bridge,
  source: string,
): Promise<Registration> {
  const registration = await register(store, runtime, relay, source)
  if (registration.source === source) return registration
  throw new TidingsError(
    'TIDINGS_SUBSCRIPTION_CHANGED',
    `This store is relayed to a broker by ${registration.source}, so ${source} cannot relay it, too. Behind a broker each service has a store of its own.`,
    { details: { name: relay.settings.name, registered: registration.source, asked: source } },
  )
}
