import { cloudEventBindings, type EventRecord, fromMessage, toBinary } from 'tidings/spi'

import type { InRecord } from './batch-reader.ts'
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

/** The event of a record in either mode; undefined where it holds none that can be read. */
export function fromRecord({ headers, value }: InRecord, now: number): EventRecord | undefined {
  // Names come from anywhere, also from those who would like to be prototypes.
  const named = Object.create(null) as Record<string, unknown>
  for (const [name, content] of headers) {
    const text = name.toString('latin1')
    if (!(text in named)) named[text] = content
    else if (Array.isArray(named[text])) named[text].push(content)
    else named[text] = [named[text], content]
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
