import { join } from 'node:path'

import type { EventBus } from 'tidings'

import type { Side, SideHost } from '../harness/side.ts'

/** How long it idles before it is weighed, in milliseconds: timers, polls and leases have run by then. */
const idleFor = 3_000

/** Resident memory of a process that does nothing. Option `bus`: none, memory or sqlite. */
export async function open({ folder, options }: SideHost): Promise<Side> {
  let bus: EventBus | undefined
  return {
    seen: () => 0,
    async measure() {
      if (options.bus !== 'none') {
        const { createEventBus } = await import('tidings')
        bus = await createEventBus({ url: options.bus === 'sqlite' ? `sqlite:${join(folder, 'idle.db')}` : 'memory:' })
        bus.subscribe('**', { name: 'idle' }, () => {})
        await bus.start()
      }
      await new Promise((resolve) => setTimeout(resolve, idleFor))
      return process.memoryUsage.rss() / 1_048_576
    },
    close: () => bus?.close(),
  }
}
