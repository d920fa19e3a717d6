import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { createEventBus, type EventBus } from 'tidings'

import { drive } from '../harness/drive.ts'
import { peakRssMb } from '../harness/machine.ts'
import type { Side, SideHost } from '../harness/side.ts'
import { orderPlaced } from '../order-definition.ts'
import { orderOf } from '../order-event.ts'

/** How long the slow handler takes, in milliseconds, and for how long it is watched at work. */
const slow = 50
const watched = 10_000

/**
 * The largest resident memory of a process with a slow handler. Option `what`: `idle` (nothing to do), `behind` (all events are in the file
 * already), `publishing` (this process puts them there meanwhile).
 */
export async function open({ folder, sharedFolder, options }: SideHost): Promise<Side> {
  const { what } = options
  let bus: EventBus | undefined
  return {
    seen: () => 0,
    async measure(events) {
      if (what === 'behind' && !existsSync(join(sharedFolder, 'full.db')))
        throw new Error('The backlog was not prepared.')
      const file = what === 'behind' ? join(sharedFolder, 'full.db') : join(folder, 'backlog.db')
      bus = await createEventBus({ url: `sqlite:${file}`, source: '/shop' })
      bus.subscribe(orderPlaced, { name: `slow-${process.pid}`, from: 'beginning', concurrency: 16 }, () => sleep(slow))
      await bus.start()
      const target = bus
      if (what === 'publishing') {
        const publisher: Side = { seen: () => 0, one: (at) => target.publish(orderPlaced, orderOf(at)) }
        await drive('in-flight', publisher, 0, events)
      } else await sleep(watched)
      return peakRssMb()
    },
    close: () => bus?.close({ deadline: 1_000 }),
  }
}
