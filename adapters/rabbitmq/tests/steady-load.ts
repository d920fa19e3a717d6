import { setTimeout as pause } from 'node:timers/promises'

import type { EventRecord, Transport } from 'tidings/spi'

import { event } from './events.ts'

/** Publishes without end, each stream in order, and again whatever was not confirmed, as a relay does. */
export interface SteadyLoad {
  /** Ids that were answered `stored`, by key, in order. */
  readonly stored: ReadonlyMap<string, string[]>
  readonly count: number
  readonly unknown: number
  /** Resolves when what was begun is stored. */
  stop(): Promise<void>
}

export function steadyLoad(transport: Transport, streams = 20): SteadyLoad {
  const stored = new Map<string, string[]>()
  let stopped = false
  let count = 0
  let unknown = 0
  const begin = async (key: string): Promise<void> => {
    const ids: string[] = []
    stored.set(key, ids)
    while (!stopped) {
      const batch = Array.from({ length: 3 }, (_, at) => event({ key, data: JSON.stringify({ at: ids.length + at }) }))
      await store(batch)
      ids.push(...batch.map(({ id }) => id))
      count += batch.length
      await pause(2)
    }
  }
  const store = async (batch: readonly EventRecord[]): Promise<void> => {
    for (let left = batch; left.length > 0; ) {
      const outcomes = await transport.publish(left)
      const failed = outcomes.findIndex(({ status }) => status !== 'stored')
      if (failed === -1) return
      unknown++
      left = left.slice(failed)
      await pause(50)
    }
  }
  const all = Promise.all(Array.from({ length: streams }, (_, at) => begin(`k-${at}`)))
  // Whoever stops it is told; a test that has failed before does not.
  all.catch(() => {})
  return {
    stored,
    get count() {
      return count
    },
    get unknown() {
      return unknown
    },
    async stop() {
      stopped = true
      await all
    },
  }
}
