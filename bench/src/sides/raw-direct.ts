import { randomUUID } from 'node:crypto'

import type { Side, SideHost } from '../harness/side.ts'
import { type Envelope, envelopeOf, keyOf } from '../order-event.ts'
import { openRawBroker } from './brokers/raw-broker.ts'
import { Tally } from './tally.ts'

/** A broker by hand. Options: `server` and its `url`; `handled`: every event is parsed and given to an async handler, one after another. */
export async function open({ options }: SideHost): Promise<Side> {
  const { server, url, handled = false } = options
  const broker = await openRawBroker(String(server), String(url), `bench-${randomUUID().slice(0, 8)}`)
  const tally = new Tally()
  let acknowledged = 0
  const handle = async ({ subject }: Envelope): Promise<void> => tally.add(subject)
  if (handled === true) {
    await broker.listen(async (values) => {
      for (const value of values) await handle(JSON.parse(value) as Envelope)
    })
  }
  return {
    one: async (at) => {
      await broker.publish(keyOf(at), JSON.stringify(envelopeOf(at)))
      acknowledged++
    },
    seen: () => (handled === true ? tally.count : acknowledged),
    hears: (heard) => void (tally.heard = heard),
    finished: (total) => (handled === true ? tally.reach(total) : Promise.resolve()),
    close: () => broker.close(),
  }
}
