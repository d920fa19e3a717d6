import type { EventRecord } from '../events/record.ts'
import type { DocumentChange } from '../store/store.ts'
import { putParked } from '../subscriber/parked-event.ts'
import type { Delivery } from '../transport/transport.ts'
import { parkedDelivery, whyDead } from './dead-delivery.ts'
import type { InboxHost } from './inbox-host.ts'

/** A delivery that holds an event. */
export type EventDelivery = Delivery & { readonly record: EventRecord }

/** What is to be done with some deliveries. */
export interface Sifted {
  /** To be appended, in order. */
  readonly append: readonly EventDelivery[]
  /** Dead letters to be written. */
  readonly dead: readonly DocumentChange[]
  /** How many the store has already. */
  readonly duplicates: number
}

/** Questions to the store at once. */
const askedAtOnce = 32

/**
 * Sorts out what is not appended: what cannot be read, what comes twice in these, and what this service has sent itself. Another store may
 * publish under the same source, so the source alone says nothing: what was not sent by this process lately is looked up. Rejects where
 * the store cannot be asked.
 */
export async function siftDeliveries(
  host: InboxHost,
  batch: readonly Delivery[],
  deadAt: (delivery: Delivery) => number,
): Promise<Sifted> {
  const readable: EventDelivery[] = []
  const dead: DocumentChange[] = []
  const seen = new Set<string>()
  let duplicates = 0
  for (const delivery of batch) {
    const why = whyDead(delivery, host.maxBytes)
    if (why !== undefined) dead.push(deadLetter(host, delivery, why, deadAt(delivery)))
    else {
      const { record } = delivery as EventDelivery
      const name = `${record.source}\n${record.id}`
      if (seen.has(name) || (record.source === host.source && host.sent(record.id))) duplicates++
      else readable.push(delivery as EventDelivery)
      seen.add(name)
    }
  }
  const known = await findOwn(host, readable)
  const append = known.size === 0 ? readable : readable.filter((delivery) => !known.has(delivery))
  return { append, dead, duplicates: duplicates + known.size }
}

/** The document that keeps a delivery which cannot be taken in. */
export function deadLetter(host: InboxHost, delivery: Delivery, error: Error, offset: number): DocumentChange {
  const { settings, runtime, log, meter } = host
  log('error', 'A delivery of the broker cannot be taken in and is kept as a dead letter', {
    group: settings.group,
    partition: delivery.partition,
    offset: delivery.offset,
    error: error.message,
  })
  meter.counter('tidings.events.parked', { subscription: 'inbox', state: 'dead' }).add(1)
  return putParked({ ...parkedDelivery(delivery, settings.group, error, runtime.now()), offset })
}

/** Those of this service's own source that its store holds. */
async function findOwn(host: InboxHost, deliveries: readonly EventDelivery[]): Promise<ReadonlySet<EventDelivery>> {
  const suspects = deliveries.filter(({ record }) => record.source === host.source)
  const known = new Set<EventDelivery>()
  for (let at = 0; at < suspects.length; at += askedAtOnce) {
    await Promise.all(
      suspects.slice(at, at + askedAtOnce).map(async (delivery) => {
        const { id, source } = delivery.record
        const { events } = await host.store.readAll({ after: 0, limit: 100, id })
        if (events.some(({ record }) => record.source === source)) known.add(delivery)
        else host.arrived(id)
      }),
    )
  }
  return known
}
