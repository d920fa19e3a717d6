import { expect, it } from 'vitest'

import { silentLog } from '../kernel/log.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { LaneTable } from './lane-table.ts'
import type { PartitionState } from './partition-state.ts'
import { Partitions, type PartitionsHost } from './partitions.ts'
import { subscriptionSettings } from './subscribe-options.ts'
import { subscriptionOf } from './subscription.ts'

it('gives up the partition that a refused commit belonged to, not the one that has followed it', async () => {
  const runtime = virtualRuntime({ seed: 3 })
  const store = memoryStore({ partitions: 1 })
  const host = { store, runtime, log: silentLog, instance: 'i', progressed() {} }
  const partitions = new Partitions({
    host,
    subscription: subscriptionOf('order.*', subscriptionSettings({ name: 'reader' }), () => {}),
    start: 0,
    lanes: new LaneTable('stream'),
    withdraw() {},
    released() {},
    seek() {},
    arrived() {},
  } as unknown as PartitionsHost)
  await partitions.assigned([0])
  const before = partitions.get(0) as PartitionState
  partitions.lost([0])
  await partitions.assigned([0])
  const after = partitions.get(0) as PartitionState
  expect(after.token).toBeGreaterThan(before.token)
  partitions.fencedOff(before)
  expect([partitions.get(0), after.active]).toEqual([after, true])
  partitions.fencedOff(after)
  expect([partitions.get(0), after.active]).toEqual([undefined, false])
})
