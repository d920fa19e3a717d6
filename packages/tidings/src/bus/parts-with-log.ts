import { TidingsError } from '../kernel/errors.ts'
import { type BusParts, partsOf } from './bus-parts.ts'
import type { EventBus } from './event-bus.ts'

/** The parts of a bus that has a log to look back on. Throws `TIDINGS_NOT_SUPPORTED` where there is none: it would look empty. */
export function partsWithLog(bus: EventBus, what: string): BusParts {
  const parts = partsOf(bus)
  if (!parts.direct) return parts
  throw new TidingsError('TIDINGS_NOT_SUPPORTED', `${what} needs a store: without one, no history is kept.`, {
    details: { field: 'store' },
  })
}
