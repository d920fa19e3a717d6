import type { AnyEventDefinition, DataOf } from './define-event.ts'
import type { Event } from './event.ts'

/** Whether an event is of this type; its data is then known. */
export function isEvent<Definition extends AnyEventDefinition>(
  event: Event<unknown>,
  definition: Definition,
): event is Event<DataOf<Definition>> {
  return event.type === definition.type
}
