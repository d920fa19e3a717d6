import type { AnyEventDefinition, DataOf } from './define-event.ts'
import type { Event } from './event.ts'

declare const definedBy: unique symbol

/** Known to the compiler alone: that an event is of this very type, and not merely of another with data of the same shape. */
export interface DefinedBy<Definition> {
  readonly [definedBy]: Definition
}

/** Whether an event is of this type; its data is then known. */
export function isEvent<Definition extends AnyEventDefinition>(
  event: Event<unknown>,
  definition: Definition,
): event is Event<DataOf<Definition>> & DefinedBy<Definition> {
  return event.type === definition.type
}
