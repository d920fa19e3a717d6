import type { Offset } from '../transport/transport.ts'
import type { Lane } from './lane.ts'
import type { PartitionState } from './partition-state.ts'
import type { Subscription } from './subscription.ts'

/** Why a subscription takes no work. */
export type Pause = 'operator' | 'halted' | 'unhealthy' | 'draining'

/** What one subscription does in this process, as plain facts. */
export interface EngineStatus {
  readonly name: string
  readonly run: number
  readonly running: number
  /** Live events taken in advance. */
  readonly held: number
  readonly parked: number
  readonly blockedStreams: number
  readonly paused: readonly Pause[]
  readonly breaker: string
  /** Everything at or below is handled or parked; undefined where this process owns no partition. */
  readonly watermark: Offset | undefined
  readonly partitions: readonly { readonly partition: number; readonly watermark: Offset }[]
}

export function statusOf(
  subscription: Subscription,
  paused: readonly Pause[],
  runner: { readonly running: number; breaker(): string },
  held: number,
  lanes: Iterable<Lane>,
  owned: Iterable<PartitionState>,
): EngineStatus {
  let parked = 0
  let blockedStreams = 0
  for (const lane of lanes) {
    parked += lane.parked.size
    if (lane.parked.size > 0) blockedStreams++
  }
  const partitions = Array.from(owned, ({ partition, watermark }) => ({
    partition,
    watermark: watermark.progress().watermark,
  }))
  return {
    name: subscription.settings.name,
    run: subscription.run,
    running: runner.running,
    held,
    parked,
    blockedStreams,
    paused,
    breaker: runner.breaker(),
    watermark: partitions.length === 0 ? undefined : Math.min(...partitions.map(({ watermark }) => watermark)),
    partitions,
  }
}
