import type { Side, SideHost } from '../harness/side.ts'
import { type Envelope, envelopeOf, fullEnvelopeOf } from '../order-event.ts'
import { Tally } from './tally.ts'

/** The least that waits for its handlers: a Map of arrays, and an await for each. Option `full`: a random id and the time as text. */
export async function open({ options }: SideHost): Promise<Side> {
  const handlers = new Map<string, ((event: Envelope) => Promise<void>)[]>()
  const tally = new Tally()
  const make = options.full === true ? fullEnvelopeOf : envelopeOf
  handlers.set('order.placed', [async () => tally.add()])
  const publish = async (event: Envelope): Promise<void> => {
    for (const handler of handlers.get(event.type) ?? []) await handler(event)
  }
  return {
    one: (at) => publish(make(at)),
    batch: async (from, count) => {
      for (let at = from; at < from + count; at++) await publish(make(at))
    },
    seen: () => tally.count,
  }
}
