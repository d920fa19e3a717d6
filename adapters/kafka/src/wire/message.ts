import { cloudEventBindings, type EventRecord, fromMessage, toBinary } from 'tidings/spi'

import type { InRecord } from './batch-reader.ts'
import { headerName, headerValue } from './header-text.ts'
import type { OutRecord } from './out-batch.ts'

/**
 * The key of a record: the stream, as CloudEvents' `partitionkey` has it. All events of a stream have the same, so that the partitioner of
 * any client puts them in one partition; tenants are told apart; and people can read it.
 */
export function keyOf({ tenant, category, key }: Pick<EventRecord, 'tenant' | 'category' | 'key'>): string {
  return `${tenant}/${category}/${key}`
}

/** An event in the binary mode of CloudEvents. Throws `TIDINGS_INVALID_EVENT` where no CloudEvent can carry it. */
export function toMessage(event: EventRecord): OutRecord {
  const { headers, body } = toBinary(event, cloudEventBindings.kafka)
  return { key: keyOf(event), headers, value: body }
}

/**
 * Headers by name. Names come from anywhere, also from those who would like to be prototypes: there is none. Objects that are made like
 * this are told apart by their members' order, as classes are, and so cost a fraction of dictionaries.
 */
const Named = function () {} as unknown as { new (): Record<string, unknown>; prototype: unknown }
Named.prototype = Object.create(null)

/** The event of a record in either mode; undefined where it holds none that can be read. */
export function fromRecord({ headers, value }: InRecord, now: number): EventRecord | undefined {
  const named = new Named()
  const { bytes, places } = headers
  for (let at = 0; at < places.length; at += 4) {
    const name = headerName(bytes, places[at] as number, places[at + 1] as number)
    const start = places[at + 2] as number
    const content = start === -1 ? null : headerValue(name, bytes, start, places[at + 3] as number)
    const before = named[name]
    if (before === undefined) named[name] = content
    else if (Array.isArray(before)) before.push(content)
    else named[name] = [before, content]
  }
  try {
    const [event] = fromMessage({ headers: named, body: value }, cloudEventBindings.kafka, { now })
    // What the answer of a fetch holds besides must not live as long as one event of it.
    return event === undefined || typeof event.data === 'string'
      ? event
      : { ...event, data: Uint8Array.from(event.data) }
  } catch {
    return undefined
  }
}
