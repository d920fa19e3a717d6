import type { Log } from '../kernel/log.ts'
import type { Runtime } from '../kernel/runtime.ts'
import { delayOf } from '../resilience/backoff.ts'
import type { StoredEvent } from '../store/store.ts'
import type { Delivery } from '../transport/transport.ts'
import type { Credit } from './credit.ts'
import type { Item, Lane } from './lane.ts'
import type { LaneTable } from './lane-table.ts'
import type { Parking } from './parking.ts'
import type { Partitions } from './partitions.ts'
import type { Subscription } from './subscription.ts'

export interface IntakeHost {
  readonly subscription: Subscription
  readonly runtime: Runtime
  readonly log: Log
  readonly partitions: Partitions
  readonly lanes: LaneTable
  readonly credit: Credit
  readonly parking: Parking
  /** A lane may go on. */
  advance(lane: Lane): void
  later(lane: Lane, delay: number): void
}

/** Takes events in: each into the lane of its stream, behind those before it. */
export class Intake {
  readonly #host: IntakeHost

  constructor(host: IntakeHost) {
    this.#host = host
  }

  /** What the transport delivers. */
  deliver(delivery: Delivery): void {
    const { subscription, partitions, lanes, credit, parking } = this.#host
    credit.arrived()
    const partition = partitions.listening(delivery.partition)
    if (partition === undefined) return
    const { record } = delivery
    const beyond = subscription.upTo !== undefined && delivery.offset > subscription.upTo
    if (beyond || (record !== undefined && !subscription.matches(record.type, record))) {
      partition.watermark.scanned(delivery.offset)
      return
    }
    const entry = partition.watermark.enter(delivery.offset)
    if (entry === undefined) return
    const lane = lanes.of(partition, delivery)
    const item: Item = {
      partition,
      offset: delivery.offset,
      delivery,
      entry,
      attempts: 0,
      firstFailedAt: undefined,
      parked: undefined,
      held: false,
      known: undefined,
      standing: undefined,
    }
    lane.items.push(item)
    credit.hold(item)
    if (record !== undefined && record.priority < lane.rank) lane.rank = record.priority
    if (lane.state === 'idle') this.#host.advance(lane)
    else if (lane.parked.size > 0) parking.parkBehind(lane)
  }

  /** What came by another way than the transport: an inline listener has failed at it `attempts` times, or may not run before others. */
  adopt(stored: StoredEvent, attempts: number): void {
    const { subscription, runtime, log, partitions, lanes, credit } = this.#host
    const { settings } = subscription
    const partition = partitions.get(stored.partition)
    if (partition === undefined) {
      log('error', 'An event of a failed inline listener finds no owner', {
        subscription: settings.name,
        position: stored.position,
      })
      return
    }
    const delivery: Delivery = {
      partition: stored.partition,
      offset: stored.position,
      stream: stored.stream,
      record: stored.record,
    }
    const lane = lanes.of(partition, delivery)
    const item: Item = {
      partition,
      offset: stored.position,
      delivery,
      entry: undefined,
      attempts,
      firstFailedAt: attempts > 0 ? runtime.now() : undefined,
      parked: undefined,
      held: false,
      known: undefined,
      standing: undefined,
    }
    lane.items.push(item)
    credit.hold(item)
    lane.rank = Math.min(lane.rank, stored.record.priority)
    if (lane.state !== 'idle') return
    if (attempts === 0) this.#host.advance(lane)
    else
      this.#host.later(
        lane,
        delayOf(settings.backoff, attempts, () => runtime.random()),
      )
  }
}
