import type { Offset } from '../transport/transport.ts'

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
