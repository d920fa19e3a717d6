import { randomUUID } from 'node:crypto'

import { loadPeer } from '../../peers/load-peer.ts'
import type { Side, SideHost } from '../harness/side.ts'
import { envelopeOf, type as orderType } from '../order-event.ts'
import { Tally } from './tally.ts'

interface Closing {
  close(force?: boolean): Promise<void>
}

interface BullMq {
  readonly Queue: new (
    name: string,
    options: object,
  ) => Closing & {
    add(name: string, data: object): Promise<unknown>
    addBulk(jobs: readonly { readonly name: string; readonly data: object }[]): Promise<unknown>
    obliterate(options: { force: boolean }): Promise<void>
    waitUntilReady(): Promise<unknown>
  }
  readonly Worker: new (
    name: string,
    handler: (job: { readonly data: unknown }) => Promise<void>,
    options: object,
  ) => Closing & { waitUntilReady(): Promise<unknown> }
}

/** A queue of BullMQ; done jobs are removed. Options `url`; `handled`: a worker, 256 jobs at a time. */
export async function open({ options }: SideHost): Promise<Side> {
  const { url, handled = false } = options
  const { Queue, Worker } = (await loadPeer('bullmq')) as BullMq
  const { hostname, port } = new URL(String(url))
  const connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null }
  const name = `bench-${randomUUID()}`
  const queue = new Queue(name, { connection, defaultJobOptions: { removeOnComplete: true } })
  await queue.waitUntilReady()
  const tally = new Tally()
  let acknowledged = 0
  const worker =
    handled === true ? new Worker(name, async () => tally.add(), { connection, concurrency: 256 }) : undefined
  await worker?.waitUntilReady()
  return {
    one: async (at) => {
      await queue.add(orderType, envelopeOf(at))
      acknowledged++
    },
    batch: async (from, count) => {
      await queue.addBulk(Array.from({ length: count }, (_, at) => ({ name: orderType, data: envelopeOf(from + at) })))
      acknowledged += count
    },
    seen: () => (handled === true ? tally.count : acknowledged),
    finished: (total) => (handled === true ? tally.reach(total) : Promise.resolve()),
    close: async () => {
      await worker?.close(true)
      await queue.obliterate({ force: true }).catch(() => {})
      await queue.close()
    },
  }
}
