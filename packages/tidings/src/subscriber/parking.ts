import type { Log } from '../kernel/log.ts'
import type { Meter } from '../kernel/meter.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { DocumentChange, Expectation } from '../store/store.ts'
import type { Offset } from '../transport/transport.ts'
import type { Item, Lane } from './lane.ts'
import type { LaneTable } from './lane-table.ts'
import { behind, parkedOf } from './park-item.ts'
import { deleteParked, ownerOf, type ParkedEvent, type ParkedState, putParked } from './parked-event.ts'
import type { PartitionState } from './partition-state.ts'
import { requestUnit } from './requests.ts'
import type { Settlement } from './settlement.ts'
import type { Settler } from './settler.ts'
import type { Subscription } from './subscription.ts'

export interface ParkingHost {
  readonly subscription: Subscription
  readonly runtime: Runtime
  readonly log: Log
  readonly meter: Meter
  readonly settler: Settler
  readonly lanes: LaneTable
  /** A lane may go on. */
  advance(lane: Lane): void
  /** A live event waits on disk now and no longer in memory. */
  setAside(item: Item): void
  /** A blocked stream holds as many parked events as it may. */
  full(lane: Lane): void
  /** A request has been written. */
  asked(): void
}

/** How a request is answered: by the commit that carries it out, and by none that finds it answered already. */
export interface Answer {
  readonly documents: readonly DocumentChange[]
  readonly expect: readonly Expectation[]
  /** Whether the event was taken into memory for this request alone. */
  readonly recalled: boolean
}

/** Sets events aside with their successors, and lets them run again, in order. All of it is documents, changed by the owner's commits alone. */
export class Parking {
  readonly #host: ParkingHost

  constructor(host: ParkingHost) {
    this.#host = host
  }

  /** Sets the head of a lane aside. Its successors follow, unless the subscription lets them pass. */
  park(lane: Lane, item: Item, state: ParkedState, error: unknown, due: number | undefined): void {
    const { subscription, runtime, log, settler } = this.#host
    const { settings, run } = subscription
    // One that has let others pass stands in nobody's way again.
    const passed = item.parked?.blocking === false
    const blocking = settings.order !== 'none' && !passed && !(state === 'dead' && settings.onPoison === 'skip')
    const live = item.parked === undefined
    const parked = parkedOf({
      subscription: settings.name,
      run,
      lane,
      item,
      state,
      blocking,
      error,
      due,
      now: runtime.now(),
    })
    if (state === 'dead') {
      log('error', 'An event is parked as a dead letter', {
        subscription: settings.name,
        type: parked.type,
        event: parked.eventId,
        error: parked.error?.message,
      })
    }
    this.#host.meter.counter('tidings.events.parked', { subscription: settings.name, state }).add(1)
    lane.state = 'settling'
    lane.drop()
    this.#host.setAside(item)
    item.parked = parked
    item.delivery = undefined
    // A dead letter that holds nobody up stays on disk until somebody asks for it.
    if (blocking || state !== 'dead') lane.parked.unshift(item)
    settler.add(this.#change(item.partition, live ? item.entry : undefined, [putParked(parked)], lane))
    this.parkBehind(lane)
  }

  /** What arrives in a blocked stream waits on disk, not in memory, so that the watermark can pass it. */
  parkBehind(lane: Lane): void {
    if (lane.parked.peek()?.parked?.blocking !== true) return
    const { subscription, runtime, settler } = this.#host
    const { settings, run } = subscription
    while (lane.items.size > 0 && lane.parked.size < settings.maxParked) {
      const item = lane.items.shift() as Item
      item.parked = behind({ subscription: settings.name, run, lane, item, now: runtime.now() })
      item.delivery = undefined
      lane.parked.push(item)
      this.#host.setAside(item)
      settler.add(this.#change(item.partition, item.entry, [putParked(item.parked)], undefined))
    }
    if (lane.items.size === 0) return
    // They keep their place but not their contents, so that other partitions have the window to themselves.
    for (const item of lane.items) {
      if (!item.held) continue
      item.known = { type: item.delivery?.record?.type ?? '', eventId: item.delivery?.record?.id ?? '' }
      item.delivery = undefined
      this.#host.setAside(item)
    }
    this.#host.full(lane)
  }

  /** Takes a parked event over from the documents. */
  adopt(partition: PartitionState, parked: ParkedEvent): void {
    const { lanes, subscription } = this.#host
    const lane =
      parked.blocking && subscription.settings.order !== 'none'
        ? lanes.of(partition, parked)
        : lanes.aside(partition, parked)
    // A newer program may know what an older one did not.
    const adopted: ParkedEvent = parked.state === 'upgrade' ? { ...parked, due: 0 } : parked
    lane.parked.push({
      partition,
      offset: parked.offset,
      delivery: undefined,
      entry: undefined,
      attempts: parked.attempts,
      firstFailedAt: parked.firstFailedAt,
      parked: adopted,
      held: false,
      known: undefined,
      standing: undefined,
    })
    if (lane.state === 'idle') lane.state = 'held'
  }

  /** Lets the head of a blocked stream run again; `answer` is committed along. False: its lane is busy, ask again. */
  redrive(partition: PartitionState, stream: string, offset: Offset, answer: Answer): boolean {
    const lane = this.#host.lanes.holding(partition, stream, offset)
    const item = lane?.parked.peek()
    if (lane === undefined || item?.parked === undefined || item.offset !== offset) return this.#say(partition, answer)
    if (lane.state === 'running' || lane.state === 'settling' || lane.state === 'ready') return false
    const parked: ParkedEvent = { ...item.parked, state: 'retry', attempts: 0, due: this.#host.runtime.now() }
    this.#rewrite(lane, partition, putParked(parked), answer, () => {
      item.attempts = 0
      item.parked = parked
    })
    return true
  }

  /** Gives a parked event up for good. Its successors run. */
  drop(partition: PartitionState, stream: string, offset: Offset, answer: Answer): boolean {
    const lane = this.#host.lanes.holding(partition, stream, offset)
    const dropped = lane === undefined ? undefined : [...lane.parked].find((item) => item.offset === offset)
    if (lane === undefined || dropped?.parked === undefined) return this.#say(partition, answer)
    if (lane.state === 'running' || lane.state === 'settling' || lane.state === 'ready') return false
    this.#rewrite(lane, partition, deleteParked(dropped.parked), answer, () => remove(lane, dropped))
    return true
  }

  /**
   * The breaker has opened: the failure that made this event a dead letter said nothing about it. Asked for as operators ask, for its lane may be busy
   * with setting it aside, and it may wait on disk alone.
   */
  revive(item: Item): void {
    const { parked, partition } = item
    if (parked?.state !== 'dead') return
    const { runtime, settler } = this.#host
    const { stream, offset } = parked
    const { documents = [] } = requestUnit(ownerOf(parked), `${offset}/redrive`, {
      action: 'redrive',
      stream,
      offset,
      partition: partition.partition,
      by: 'breaker',
      at: runtime.now(),
    })
    settler.add({
      partition,
      entry: undefined,
      documents,
      committed: () => this.#host.asked(),
      refused() {},
      lost() {},
    })
  }

  /** There is nothing to do but to say so: it was handled meanwhile, or waits behind another. */
  #say(partition: PartitionState, { documents, expect }: Answer): boolean {
    if (documents.length > 0)
      this.#host.settler.add({ ...this.#change(partition, undefined, documents, undefined), expect })
    return true
  }

  /**
   * Changes a parked event on disk, and only then in memory. Refused, because the request was answered before or the event is no longer as it was
   * read: then nothing changes, and what was taken into memory for it alone is let go.
   */
  #rewrite(lane: Lane, partition: PartitionState, change: DocumentChange, answer: Answer, apply: () => void): void {
    lane.cancel()
    lane.state = 'settling'
    const goOn = (): void => {
      lane.state = 'idle'
      this.#host.advance(lane)
    }
    this.#host.settler.add({
      partition,
      entry: undefined,
      documents: [...answer.documents, change],
      ...(answer.expect.length === 0 ? {} : { expect: answer.expect }),
      committed: () => {
        apply()
        goOn()
      },
      refused: () => {
        if (answer.recalled) lane.parked.shift()
        goOn()
      },
      lost: () => {},
    })
  }

  /** Documents alone cannot be refused; after the commit `lane` goes on. */
  #change(
    partition: PartitionState,
    entry: Settlement['entry'],
    documents: readonly DocumentChange[],
    lane: Lane | undefined,
  ): Settlement {
    return {
      partition,
      entry,
      documents,
      committed: () => {
        if (lane === undefined) return
        lane.state = 'idle'
        this.#host.advance(lane)
      },
      refused: () => {},
      lost: () => {},
    }
  }
}

function remove(lane: Lane, gone: Item): void {
  const items = [...lane.parked]
  while (lane.parked.size > 0) lane.parked.shift()
  for (const item of items) if (item !== gone) lane.parked.push(item)
}
