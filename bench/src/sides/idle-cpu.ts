import { setTimeout as pause } from 'node:timers/promises'

import type { Side, SideHost } from '../harness/side.ts'
import { open as openServer } from './tidings-server.ts'

/** How much of one core this process takes while nothing happens, in percent. Option `server`: with a bus on it that has a subscription; none: with nothing. */
export async function open(host: SideHost): Promise<Side> {
  const { server, seconds = 10 } = host.options
  const bus =
    server === undefined ? undefined : await openServer({ ...host, options: { ...host.options, handled: true } })
  return {
    seen: () => 0,
    async measure() {
      // A few events, so that everything has been at work that idles afterwards.
      for (let at = 0; bus !== undefined && at < 100; at++) await bus.one?.(at)
      await bus?.finished?.(100)
      await pause(2_000)
      const began = performance.now()
      const cpu = process.cpuUsage()
      await pause(Number(seconds) * 1_000)
      const { user, system } = process.cpuUsage(cpu)
      return (user + system) / 10 / (performance.now() - began)
    },
    close: async () => bus?.close?.(),
  }
}
