import type { Attached } from '../bus/attachment.ts'
import { type BusParts, partsOf } from '../bus/bus-parts.ts'
import type { EventBus } from '../bus/event-bus.ts'
import { TidingsError } from '../kernel/errors.ts'
import { isSqlStore } from '../store/sql-store.ts'
import { refuseSql } from './apply-event.ts'
import type { Projection } from './define-projection.ts'
import { Feeder } from './feeder.ts'
import { feedersOf } from './projection-handles.ts'

/** Lets a projection stand on a bus. Throws `TIDINGS_NOT_SUPPORTED` where the bus cannot carry it, `TIDINGS_INVALID_OPTION` for a table that another has. */
export function attachProjection(bus: EventBus, { settings }: Projection): Attached {
  const parts = partsOf(bus)
  const { name, tables } = settings
  const needed = Object.keys(tables)
  if (needed.length > 0 && !isSqlStore(parts.store)) throw refuseSql(name)
  if (keepsNothing(parts)) {
    throw new TidingsError(
      'TIDINGS_NOT_SUPPORTED',
      `The projection ${name} begins at the beginning of a log, and \`store: 'none'\` keeps none.`,
      { details: { capability: 'log' } },
    )
  }
  const feeders = feedersOf(parts)
  for (const other of feeders.values()) {
    // One that could not begin leaves its name free.
    if (other.settings.name === name) continue
    const both = needed.find((table) => Object.hasOwn(other.settings.tables, table))
    if (both !== undefined) {
      throw new TidingsError(
        'TIDINGS_INVALID_OPTION',
        `The projections ${other.settings.name} and ${name} both have a table ${both}; readers could not tell them apart.`,
        { details: { field: `tables.${both}` } },
      )
    }
  }
  const feeder = new Feeder(bus, parts, settings)
  feeders.set(name, feeder)
  return feeder
}

function keepsNothing({ store }: BusParts): boolean {
  return store.capabilities.name.startsWith('none ')
}
