import { join } from 'node:path'

import { createEventBus } from 'tidings'

import type { Side, SideHost } from '../harness/side.ts'
import { orderPlaced } from '../order-definition.ts'
import { orderOf } from '../order-event.ts'

const batch = 1_000

/** Fills the scenario's shared file with events, for others to read. */
export async function open({ sharedFolder }: SideHost): Promise<Side> {
  const bus = await createEventBus({ url: `sqlite:${join(sharedFolder, 'full.db')}?durability=off`, source: '/shop' })
  return {
    seen: () => 0,
    async measure(events) {
      for (let from = 0; from < events; from += batch) {
        const count = Math.min(batch, events - from)
        await bus.publish(Array.from({ length: count }, (_, at) => orderPlaced.create(orderOf(from + at))))
      }
      return events
    },
    close: () => bus.close(),
  }
}
