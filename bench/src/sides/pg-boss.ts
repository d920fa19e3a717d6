import { randomUUID } from 'node:crypto'

import { loadPeer } from '../../peers/load-peer.ts'
import type { Side, SideHost } from '../harness/side.ts'
import { envelopeOf } from '../order-event.ts'
import { Tally } from './tally.ts'

interface Boss {
  on(event: 'error', listener: (error: Error) => void): void
  start(): Promise<unknown>
  stop(options: object): Promise<void>
  createQueue(name: string): Promise<unknown>
  send(queue: string, data: object): Promise<unknown>
  insert(queue: string, jobs: readonly { readonly data: object }[]): Promise<unknown>
  work(queue: string, options: object, handler: (jobs: readonly unknown[]) => Promise<void>): Promise<unknown>
}

/** pg-boss. Options `url`; `handled`: four workers that take 500 jobs at a time and look twice a second at least, as fast as it allows. */
export async function open({ options }: SideHost): Promise<Side> {
  const { url, handled = false } = options
  const module = (await loadPeer('pg-boss')) as { PgBoss?: new (o: object) => Boss; default?: new (o: object) => Boss }
  const PgBoss = (module.PgBoss ?? module.default) as new (options: object) => Boss
  const boss = new PgBoss({
    connectionString: String(url),
    schema: `boss_${randomUUID().replaceAll('-', '').slice(0, 12)}`,
    supervise: false,
    schedule: false,
  })
  boss.on('error', () => {})
  await boss.start()
  const queue = 'orders'
  await boss.createQueue(queue)
  const tally = new Tally()
  let acknowledged = 0
  if (handled === true) {
    for (let worker = 0; worker < 4; worker++) {
      await boss.work(queue, { batchSize: 500, pollingIntervalSeconds: 0.5 }, async (jobs) => {
        for (const _ of jobs) tally.add()
      })
    }
  }
  return {
    one: async (at) => {
      await boss.send(queue, envelopeOf(at))
      acknowledged++
    },
    batch: async (from, count) => {
      await boss.insert(
        queue,
        Array.from({ length: count }, (_, at) => ({ data: envelopeOf(from + at) })),
      )
      acknowledged += count
    },
    seen: () => (handled === true ? tally.count : acknowledged),
    finished: (total) => (handled === true ? tally.reach(total) : Promise.resolve()),
    close: () => boss.stop({ graceful: false, wait: false }),
  }
}
