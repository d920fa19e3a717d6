import type { Offset } from '../transport/transport.ts'
import type { Lane } from './lane.ts'
import type { PartitionState } from './partition-state.ts'
import type { Subscription } from './subscription.ts'

/**
 * Why a subscription takes no work. `halted`: at an event that it cannot handle, until an operator resumes it. `ended`: its transport has given up.
 */
export type Pause = 'operator' | 'halted' | 'ended' | 'unhealthy' | 'draining'

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
  readonly partitions: readonly PartitionStatus[]
}

export interface PartitionStatus {
  readonly partition: number
  readonly watermark: Offset
  /** It takes nothing new: a blocked stream of it holds as many parked events as it may. */
  readonly full: boolean
}

/** Nothing at or below is needed here any more; Infinity where this process owns nothing. `deaf`: it reads nothing from the log but what is parked. */
export function releasedThrough(owned: Iterable<PartitionState>, lanes: Iterable<Lane>, deaf: boolean): Offset {
  let released = Number.POSITIVE_INFINITY
  if (!deaf) for (const { watermark } of owned) released = Math.min(released, watermark.low)
  // Parked events are read again from the log.
  for (const lane of lanes)
    for (const item of [lane.parked.peek(), lane.items.peek()])
      if (item !== undefined) released = Math.min(released, item.offset - 1)
  return released
}

/** Whether nothing in these lanes runs or waits for a commit. What is ready while the breaker is open (`stalled`) waits for the clock. */
export function areAtRest(lanes: Iterable<Lane>, stalled: boolean): boolean {
  for (const { state } of lanes)
    if (state === 'settling' || state === 'running' || (state === 'ready' && !stalled)) return false
  return true
}

export function statusOf(
  subscription: Subscription,
  paused: readonly Pause[],
  runner: { readonly running: number; breaker(): string },
  held: number,
  lanes: Iterable<Lane>,
  owned: Iterable<PartitionState>,
  isFull: (partition: PartitionState) => boolean,
): EngineStatus {
  let parked = 0
  let blockedStreams = 0
  for (const lane of lanes) {
    parked += lane.parked.size
    if (lane.parked.size > 0) blockedStreams++
  }
  const partitions = Array.from(owned, (state) => ({
    partition: state.partition,
    watermark: state.watermark.progress().watermark,
    full: isFull(state),
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
