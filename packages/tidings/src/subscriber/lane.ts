import { Ring } from '../kernel/ring.ts'
import type { Timer } from '../kernel/runtime.ts'
import type { Delivery, Offset } from '../transport/transport.ts'
import type { ParkedEvent } from './parked-event.ts'
import type { PartitionState } from './partition-state.ts'
import type { Standing } from './standing.ts'
import type { WatermarkEntry } from './watermark.ts'

/** One event on its way through a lane. */
export interface Item {
  /** Which partition it came from; a lane of a sequential subscription holds items of all. */
  readonly partition: PartitionState
  readonly offset: Offset
  /** Undefined while it waits without being held in memory; then the event is read again before it runs. */
  delivery: Delivery | undefined
  /** Its place above the watermark; undefined for events that were parked before this process owned them. */
  readonly entry: WatermarkEntry | undefined
  /** Attempts that counted. */
  attempts: number
  firstFailedAt: number | undefined
  /** Its parked document as last written; undefined for live events. */
  parked: ParkedEvent | undefined
  /** Whether it counts against the window of events taken in advance. */
  held: boolean
  /** What its document will say of an event whose delivery was let go. */
  known: Pick<ParkedEvent, 'type' | 'eventId'> | undefined
  /** What its handler has published that stands already; its next attempt commits the rest. */
  standing: Standing | undefined
}

/**
 * The in-process queue of one stream. What a lane does is one of:
 *   idle      nothing under way; the engine decides what comes next, and drops it when it is empty
 *   ready     its head may run and waits for a place
 *   running   its head runs
 *   settling  its head has ended and waits for the commit
 *   waiting   its head failed and runs again when the timer fires
 *   held      its head is parked and waits for its due time or for an operator
 *   halted    its head has no attempts left, and the subscription halts at it or is about to
 * Parked events stand before all live ones, so order holds.
 */
export type LaneState = 'idle' | 'ready' | 'running' | 'settling' | 'waiting' | 'held' | 'halted'

export class Lane {
  readonly key: string
  readonly stream: string
  readonly partition: PartitionState
  readonly items: Ring<Item> = new Ring<Item>()
  readonly parked: Ring<Item> = new Ring<Item>()
  state: LaneState = 'idle'
  /** 0 critical … 3 low: the most urgent that has entered since the lane was last empty. */
  rank = 3
  timer: Timer | undefined
  /** Whether it holds as many parked events as it may, so that its partition takes nothing new. */
  full = false
  /** While it waits: monotonic milliseconds at which its head runs again. */
  until = 0

  constructor(key: string, stream: string, partition: PartitionState) {
    this.key = key
    this.stream = stream
    this.partition = partition
  }

  head(): Item | undefined {
    return this.parked.size > 0 ? this.parked.peek() : this.items.peek()
  }

  /** Takes the head out, once it is done with. */
  drop(): void {
    if (this.parked.size > 0) this.parked.shift()
    else this.items.shift()
  }

  cancel(): void {
    this.timer?.cancel()
    this.timer = undefined
  }
}
