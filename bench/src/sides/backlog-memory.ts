import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { createEventBus, type EventBus } from 'tidings'

import { drive } from '../harness/drive.ts'
import { peakRssMb } from '../harness/machine.ts'
import type { Side, SideHost } from '../harness/side.ts'
import { orderPlaced } from '../order-definition.ts'
import { orderOf } from '../order-event.ts'
import { fullFile } from './full-log.ts'
import { open as openRaw } from './raw-sqlite.ts'
import { Tally } from './tally.ts'

/** How long the slow handler takes, in milliseconds, and for how long it is watched at work. */
const slow = 50
const watched = 10_000

/**
 * The largest resident memory of a process with a slow handler. Option `what`: `idle` (nothing to do), `behind` (all events are in the file
 * already), `publishing` (this process puts them there meanwhile), `raw` (no bus: what putting them there takes by itself).
 */
export async function open(host: SideHost): Promise<Side> {
  const { folder, sharedFolder, options } = host
  const { what } = options
  let bus: EventBus | undefined
  return {
    seen: () => 0,
    async measure(events) {
      if (what === 'raw') {
        const raw = await openRaw({ ...host, options: {} })
        await drive('in-flight', raw, 0, events)
        await raw.close?.()
        return peakRssMb()
      }
      const file = what === 'behind' ? fullFile(sharedFolder) : join(folder, 'backlog.db')
      if (what === 'behind' && !existsSync(file)) throw new Error('The backlog was not prepared.')
      const handled = new Tally()
      bus = await createEventBus({ url: `sqlite:${file}`, source: '/shop' })
      bus.subscribe(orderPlaced, { name: `slow-${process.pid}`, from: 'beginning', concurrency: 16 }, async () => {
        await sleep(slow)
        handled.add()
      })
      await bus.start()
      if (what === 'publishing') await drive('in-flight', publisherTo(bus), 0, events)
      else await sleep(watched)
      if (what !== 'idle' && handled.count === 0) throw new Error('The slow handler has handled nothing.')
      return peakRssMb()
    },
    close: () => bus?.close({ deadline: 1_000 }),
  }
}

function publisherTo(bus: EventBus): Side {
  return { seen: () => 0, one: (at) => bus.publish(orderPlaced, orderOf(at)) }
}
