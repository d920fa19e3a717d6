import { type BusParts, partsOf } from '../bus/bus-parts.ts'
import type { EventBus } from '../bus/event-bus.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Projection } from './define-projection.ts'
import type { Feeder } from './feeder.ts'
import { makeHandle, type ProjectionHandle } from './projection-handle.ts'

/** By a bus's engines: whoever decorates a bus hands on its parts as a copy. */
const all = new WeakMap<BusParts['engines'], Map<string, Feeder>>()
const handles = new WeakMap<Feeder, ProjectionHandle>()

/** The projections of a bus, by name. */
export function feedersOf(parts: Pick<BusParts, 'engines'>): Map<string, Feeder> {
  let feeders = all.get(parts.engines)
  if (feeders === undefined) all.set(parts.engines, (feeders = new Map()))
  return feeders
}

export function handleOf(bus: EventBus, { settings }: Projection): ProjectionHandle {
  const parts = partsOf(bus)
  const feeder = feedersOf(parts).get(settings.name)
  if (feeder?.settings !== settings) {
    throw new TidingsError('TIDINGS_NOT_FOUND', `This bus does not use the projection ${settings.name}.`, {
      details: { name: settings.name },
    })
  }
  let handle = handles.get(feeder)
  if (handle === undefined) handles.set(feeder, (handle = makeHandle(parts, feeder)))
  return handle
}
