import { setTimeout as pause } from 'node:timers/promises'

import type { OwnServer, Proxied } from '../../tools/servers/index.ts'
import type { Child } from './child-process.ts'

/** What faults strike. */
export interface Struck {
  readonly server: OwnServer
  /** The way of the instances to the server. */
  readonly proxy: Proxied
  readonly instances: Child[]
  /** Milliseconds after which others surely own what an instance owned that has fallen silent. */
  readonly lease: number
  readonly begin: () => Promise<Child>
}

export interface Fault {
  readonly name: string
  /** Resolves when the fault is over. `hold`: how many times longer than usual it lasts. */
  strike(struck: Struck, hold: number): Promise<void>
}

export const faults: readonly Fault[] = [
  {
    name: 'kill -9 of an instance',
    async strike({ instances, begin }) {
      const [first] = instances.splice(0, 1)
      first?.process.kill('SIGKILL')
      await first?.gone
      await pause(500)
      instances.push(await begin())
    },
  },
  {
    name: 'an instance stands still beyond its lease',
    async strike({ instances, lease }) {
      const [first] = instances
      first?.process.kill('SIGSTOP')
      await pause(lease)
      first?.process.kill('SIGCONT')
    },
  },
  {
    name: 'kill -9 of the server',
    async strike({ server }, hold) {
      await server.kill()
      await pause(1_500 * hold)
      await server.start()
    },
  },
  {
    name: 'no connection',
    async strike({ proxy }, hold) {
      await proxy.down()
      await pause(3_000 * hold)
      await proxy.up()
    },
  },
  {
    name: 'connections that carry nothing',
    async strike({ proxy }, hold) {
      await proxy.halfOpen()
      // In the long form for longer than anybody waits for an answer.
      await pause(hold === 1 ? 4_000 : 40_000)
      await proxy.up()
    },
  },
  {
    name: 'five seconds of latency',
    async strike({ proxy }, hold) {
      await proxy.latency(5_000)
      await pause(6_000 * hold)
      await proxy.up()
    },
  },
  {
    name: 'connections that are reset',
    async strike({ proxy }, hold) {
      await proxy.reset()
      await pause(2_000 * hold)
      await proxy.up()
    },
  },
]
