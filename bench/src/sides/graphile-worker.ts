import { randomUUID } from 'node:crypto'

import { loadPeer } from '../../peers/load-peer.ts'
import type { Side, SideHost } from '../harness/side.ts'
import { envelopeOf } from '../order-event.ts'
import { Tally } from './tally.ts'

interface GraphileWorker {
  readonly makeWorkerUtils: (options: object) => Promise<{
    migrate(): Promise<void>
    addJob(identifier: string, payload: object): Promise<unknown>
    addJobs(jobs: readonly { readonly identifier: string; readonly payload: object }[]): Promise<unknown>
    release(): Promise<void>
  }>
  readonly run: (options: object) => Promise<{ stop(): Promise<void> }>
  readonly Logger: new (factory: () => () => void) => unknown
}

/** Graphile Worker with its local queue, the setting that makes it fastest. Options `url`; `handled`: 16 jobs at a time. */
export async function open({ options }: SideHost): Promise<Side> {
  const { url, handled = false } = options
  const { makeWorkerUtils, run, Logger } = (await loadPeer('graphile-worker')) as GraphileWorker
  const common = {
    connectionString: String(url),
    schema: `graphile_${randomUUID().replaceAll('-', '').slice(0, 12)}`,
    logger: new Logger(() => () => {}),
  }
  const utils = await makeWorkerUtils(common)
  await utils.migrate()
  const tally = new Tally()
  let acknowledged = 0
  const runner =
    handled === true
      ? await run({
          ...common,
          concurrency: 16,
          noHandleSignals: true,
          pollInterval: 100,
          taskList: { order: async () => tally.add() },
          preset: { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
        })
      : undefined
  return {
    one: async (at) => {
      await utils.addJob('order', envelopeOf(at))
      acknowledged++
    },
    batch: async (from, count) => {
      await utils.addJobs(
        Array.from({ length: count }, (_, at) => ({ identifier: 'order', payload: envelopeOf(from + at) })),
      )
      acknowledged += count
    },
    seen: () => (handled === true ? tally.count : acknowledged),
    finished: (total) => (handled === true ? tally.reach(total) : Promise.resolve()),
    close: async () => {
      await runner?.stop()
      await utils.release()
    },
  }
}
