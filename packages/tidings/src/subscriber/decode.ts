import type { AnyEventDefinition } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import type { EventRecord } from '../events/record.ts'
import { eventOf, verifyChecksum } from '../events/record-codec.ts'
import { isInternal, operatorsSource } from '../events/type-pattern.ts'
import { upcast } from '../events/upcast.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { PayloadStore } from '../payloads/payload-store.ts'
import { wholeRecord } from '../payloads/redeem.ts'
import { validate } from '../prepare/validate.ts'
import type { Delivery } from '../transport/transport.ts'
import type { Subscription } from './subscription.ts'

export interface DecodeOptions {
  /** Whether data is checked against the schema again on consumption. */
  readonly validate: boolean
  /** Definitions the bus knows from elsewhere, by type. */
  readonly definitions: ReadonlyMap<string, AnyEventDefinition>
  /** Throws when a record's seal is missing or wrong; undefined: seals are not looked at. */
  readonly verifySeal: ((record: EventRecord) => void) | undefined
  /** Largest data after decompression, in bytes. */
  readonly maxBytes: number
  /** Where data is that was kept apart. */
  readonly payloads: PayloadStore | undefined
}

/**
 * What happens to a delivery before its handler sees it, in this order: checksum → seal → data that was kept apart → bounded decoding → upcasting → validation. Throws a coded
 * error that says whether the event is damaged, too new, or breaks its schema. An event that never left the process passes unread.
 */
export function decode(
  delivery: Delivery,
  subscription: Pick<Subscription, 'definitions'>,
  options: DecodeOptions,
): Event<unknown> | Promise<Event<unknown>> {
  const { record } = delivery
  if (record === undefined) {
    throw new TidingsError('TIDINGS_UNDECODABLE', 'The bytes of this delivery are no event.', {
      details: { partition: delivery.partition, offset: delivery.offset },
    })
  }
  const definition = subscription.definitions.get(record.type) ?? options.definitions.get(record.type)
  const own = record.event
  if (own !== undefined && (definition === undefined || definition.version === own.version)) return own
  if (own === undefined) {
    verifyChecksum(record)
    if (!isOperators(record)) options.verifySeal?.(record)
  }
  const whole = wholeRecord(record, options)
  return whole instanceof Promise
    ? whole.then((redeemed) => finish(redeemed, definition, options))
    : finish(whole, definition, options)
}

function finish(
  record: EventRecord,
  definition: AnyEventDefinition | undefined,
  options: DecodeOptions,
): Event<unknown> | Promise<Event<unknown>> {
  const event = eventOf(record, { maxBytes: options.maxBytes })
  if (definition === undefined) return event
  const current = upcast(event, definition)
  if (!options.validate || definition.schema === undefined) return current
  const checked = validate(definition, current.data)
  // The schema may refuse, but what it returns is not taken: handlers see what was stored, unknown fields included.
  return checked instanceof Promise ? checked.then(() => current) : current
}

/** What operators ask by events of the library's own is sealed by nobody: it is written into the store itself, and never taken in from elsewhere. */
function isOperators({ type, source }: EventRecord): boolean {
  return source === operatorsSource && isInternal(type)
}
