import { type Priority, priorityRank } from '../events/event.ts'
import type { EventRecord } from '../events/record.ts'
import { Lifecycle, within } from '../kernel/lifecycle.ts'
import type { Counter } from '../kernel/meter.ts'
import { WeightedQueue } from '../resilience/weighted-scheduler.ts'
import type { Placed, StoredEvent } from '../store/store.ts'
import type { Consumer, Delivery, Offset, Sink } from '../transport/transport.ts'
import { Credit } from './credit.ts'
import type { EngineHost } from './engine-host.ts'
import { areAtRest, type EngineStatus, type Pause, releasedThrough, statusOf } from './engine-status.ts'
import { Handled, type Work } from './handled.ts'
import { Intake } from './intake.ts'
import type { Item, Lane } from './lane.ts'
import { LaneTable } from './lane-table.ts'
import { Parking } from './parking.ts'
import type { PartitionState } from './partition-state.ts'
import { Partitions } from './partitions.ts'
import { Requests } from './requests.ts'
import { Runner } from './runner.ts'
import { Settler } from './settler.ts'
import type { Contender } from './slots.ts'
import { runName, type Subscription } from './subscription.ts'

/** Most entries one partition holds above its watermark before it takes nothing new: what a restart may have to be told. */
const mostAbove = 65_536

/**
 * One subscription at work in this process. It owns the lanes of its partitions and decides what each does next; the runner executes
 * attempts, the settler commits what ended. All its state is rebuilt from the store's documents when a partition is assigned.
 */
export class Engine implements Sink, Contender {
  readonly subscription: Subscription
  rank: number
  readonly #host: EngineHost
  /**
   * It asks the transport for nothing: an inline subscription on a store of this process alone has heard everything when publish returned, and a
   * replay that begins at its end only looks after what is parked.
   */
  readonly #deaf: boolean
  readonly #life: Lifecycle
  readonly #partitions: Partitions
  readonly #credit: Credit
  readonly #lanes: LaneTable
  readonly #parking: Parking
  readonly #intake: Intake
  readonly #ready = new WeightedQueue<Lane>()
  readonly #pauses = new Set<Pause>()
  readonly #settler: Settler
  readonly #received: Counter
  readonly #runner: Runner
  readonly #requests: Requests
  #consumer: Consumer | undefined
  #pumping = false
  /** Nothing beyond is begun. */
  #limit: Offset = Number.POSITIVE_INFINITY

  /** @param start Where a partition without a checkpoint begins. */
  constructor(host: EngineHost, subscription: Subscription, start: Offset) {
    this.subscription = subscription
    this.rank = priorityRank[subscription.settings.priority]
    this.#host = host
    this.#deaf =
      (subscription.settings.mode === 'inline' && host.store.capabilities.durability === 'memory') ||
      (subscription.upTo !== undefined && start >= subscription.upTo)
    this.#life = new Lifecycle(`Subscription ${subscription.settings.name}`)
    this.#settler = new Settler({
      store: host.store,
      committer: host.committer,
      runtime: host.runtime,
      log: host.log,
      subscription: subscription.settings.name,
      partitionLost: (partition) => this.#partitions.fencedOff(partition),
      progressed: (partitions) => this.#progressed(partitions),
    })
    this.#credit = new Credit(subscription.settings.window)
    this.#received = host.meter.counter('messaging.client.consumed.messages', {
      subscription: subscription.settings.name,
    })
    this.#lanes = new LaneTable(subscription.settings.order)
    this.#parking = new Parking({
      subscription,
      runtime: host.runtime,
      log: host.log,
      meter: host.meter,
      settler: this.#settler,
      lanes: this.#lanes,
      advance: (lane) => this.#advance(lane),
      setAside: (item) => this.#credit.free(item),
      full: (lane) => this.#partitions.pauseFor(lane),
      asked: () => this.#requests.look(),
    })
    this.#runner = new Runner(host, subscription, {
      succeeded: (lane, item, work) => this.#settle(lane, item, work),
      again: (lane) => this.#advance(lane),
      later: (lane, delay) => this.#later(lane, delay),
      park: (lane, item, state, error, due) => this.#parking.park(lane, item, state, error, due),
      halt: (error) => this.#halt(error),
      othersAtWork: (lane) => this.#othersAtWork(lane),
      revive: (item) => this.#parking.revive(item),
      lost: (partition) => this.#partitions.fencedOff(partition),
      freed: () => {
        host.slots.release()
        this.pump()
        host.progressed()
        this.#partitions.ended()
      },
      resume: () => this.pump(),
    })
    this.#partitions = new Partitions({
      host,
      subscription,
      start,
      settler: this.#settler,
      lanes: this.#lanes,
      parking: this.#parking,
      withdraw: (partitions, why) => this.#runner.withdraw(partitions, why),
      released: (items) => {
        for (const item of items) this.#credit.free(item)
        this.#request()
        this.#runner.judge.reconsider()
      },
      seek: (partition, offset) => this.#consumer?.seek(partition, offset),
      arrived: () => {
        for (const lane of this.#lanes.all()) this.#advance(lane)
        this.#requests.look()
        host.progressed()
      },
    })
    this.#intake = new Intake({
      subscription,
      runtime: host.runtime,
      log: host.log,
      partitions: this.#partitions,
      lanes: this.#lanes,
      credit: this.#credit,
      parking: this.#parking,
      advance: (lane) => this.#advance(lane),
      later: (lane, delay) => this.#later(lane, delay),
    })
    this.#requests = new Requests(host, subscription, {
      owns: (partition) => this.#partitions.get(partition),
      recall: (partition, parked) => {
        if (this.#lanes.holding(partition, parked.stream, parked.offset) !== undefined) return false
        this.#parking.adopt(partition, parked)
        return true
      },
      redrive: (partition, stream, offset, answer) => this.#parking.redrive(partition, stream, offset, answer),
      drop: (partition, stream, offset, answer) => this.#parking.drop(partition, stream, offset, answer),
      resume: (partition, { documents, expect }) =>
        this.#settler.add({
          partition,
          entry: undefined,
          documents,
          expect,
          committed: () => this.#goOn(),
          refused() {},
          lost() {},
        }),
    })
  }

  get running(): number {
    return this.#runner.running
  }

  get paused(): readonly Pause[] {
    return [...this.#pauses]
  }

  start(): Promise<void> {
    return this.#life.start(async () => {
      const { settings } = this.subscription
      this.#consumer = await this.#host.transport.subscribe(
        { group: runName(this.subscription), exclusive: settings.order === 'all' },
        this,
      )
      this.#request()
      this.#requests.start()
      this.#partitions.start()
    })
  }

  /** True while the breaker keeps work from running. */
  get stalled(): boolean {
    return this.#runner.judge.stalled
  }

  /** Takes no new work for a reason, until `resume` with the same one. */
  pause(reason: Pause): void {
    this.#pauses.add(reason)
    this.#host.progressed()
  }

  resume(reason: Pause): void {
    if (!this.#pauses.delete(reason) || this.#pauses.size > 0) return
    for (const lane of this.#lanes.all()) this.#advance(lane)
    this.pump()
  }

  /** From here on it contends for places as one of this priority. */
  setPriority(priority: Priority): void {
    this.rank = priorityRank[priority]
  }

  /** Begins nothing beyond a position, until it is told another. What lies beyond waits in its lane; what runs goes on. */
  limitTo(position: Offset): void {
    const further = position > this.#limit
    this.#limit = position
    if (!further) return
    for (const lane of this.#lanes.all()) this.#advance(lane)
    this.pump()
  }

  /** Everything of a partition at or below is committed; undefined where this process does not own it. */
  lowOf(partition: number): Offset | undefined {
    return this.#partitions.get(partition)?.watermark.low
  }

  /** Ends within `deadline` milliseconds: what runs may finish for most of that time, then it is withdrawn. What was not handled comes again elsewhere. */
  close(deadline: number): Promise<void> {
    return this.#life.close(async () => {
      const { runtime } = this.#host
      const until = runtime.monotonic() + deadline
      this.pause('draining')
      this.#requests.close()
      this.#partitions.stop()
      const drained = await within(
        runtime,
        deadline * 0.75,
        this.#partitions.drain([...this.#partitions.values()]),
      ).catch(() => false)
      if (!drained) {
        this.#runner.withdrawAll('the process is closing')
        this.#settler.abandon()
      }
      for (const partition of this.#partitions.values()) partition.active = false
      await within(
        runtime,
        Math.max(100, until - runtime.monotonic()),
        this.#consumer?.close() ?? Promise.resolve(),
      ).catch(() => false)
      this.#lanes.clear()
      this.#runner.close()
      this.#host.slots.forget(this)
    })
  }

  /**
   * True when nothing runs, nothing waits for a commit, and everything up to `head` has been looked at; timers may still wait. Whatever makes it
   * true is told by `progressed`.
   */
  quiet(head: Offset): boolean {
    if (this.#settler.busy || this.#runner.running > 0 || this.#requests.busy || this.#partitions.arriving) return false
    if (this.#pauses.size === 0) {
      if (!areAtRest(this.#lanes.values(), this.#runner.judge.stalled)) return false
      // A full window takes nothing new before something in it has ended, and all of it waits by now.
      const { full } = this.#credit
      if (!this.#deaf && !full)
        for (const partition of this.#partitions.values())
          if (partition.watermark.seen < head && !this.#partitions.isFull(partition)) return false
    }
    return true
  }

  /** The lanes as they are now, for those who must know what waits for what. */
  get lanes(): Iterable<Lane> {
    return this.#lanes.values()
  }

  /** Nothing at or below is needed here any more; Infinity where this process owns nothing. */
  get releasedThrough(): Offset {
    return releasedThrough(this.#partitions.values(), this.#lanes.values(), this.#deaf)
  }

  /** Facts for status pages. */
  status(): EngineStatus {
    return statusOf(
      this.subscription,
      this.paused,
      this.#runner,
      this.#credit.held,
      this.#lanes.values(),
      this.#partitions.values(),
      (partition) => this.#partitions.isFull(partition),
    )
  }

  assigned(partitions: readonly number[]): Promise<readonly Offset[]> {
    return this.#partitions.assigned(partitions)
  }

  revoked(partitions: readonly number[]): Promise<void> {
    return this.#partitions.revoked(partitions)
  }

  lost(partitions: readonly number[]): void {
    this.#partitions.lost(partitions)
  }

  deliver(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#intake.deliver(delivery)
    this.#received.add(deliveries.length)
    this.#request()
    this.pump()
  }

  scanned(partition: number, offset: Offset): void {
    this.#partitions.listening(partition)?.watermark.scanned(offset)
    this.#host.progressed()
  }

  ended(cause: Error): void {
    this.#host.log('error', 'A consumer has ended', {
      subscription: this.subscription.settings.name,
      error: cause.message,
    })
    this.pause('ended')
  }

  /** Whether events of this stream, or of any where the order is over all, wait or run here. */
  busyWith(stream: string): boolean {
    const lane = this.#lanes.peek(this.subscription.settings.order === 'all' ? '' : stream)
    return lane !== undefined && lane.head() !== undefined
  }

  /** Takes an event that came by another way than the transport: an inline listener has failed at it `attempts` times. */
  adopt(stored: StoredEvent, attempts: number): void {
    this.#intake.adopt(stored, attempts)
  }

  /** Starts what may run. */
  pump(): void {
    // A handler that ends at once frees its place inside this very loop; the loop goes on with it, and the stack stays flat.
    if (this.#pumping || this.#pauses.size > 0 || this.#ready.size === 0) return
    this.#pumping = true
    const now = this.#host.runtime.monotonic()
    while (
      this.#ready.size > 0 &&
      this.#pauses.size === 0 &&
      this.#runner.running < this.subscription.settings.concurrency
    ) {
      const pass = this.#runner.judge.enter(now)
      if (pass === undefined) break
      if (!this.#host.slots.take(this)) {
        this.#runner.judge.leave(pass)
        break
      }
      const lane = this.#ready.shift() as Lane
      const head = lane.head()
      if (lane.state !== 'ready' || !lane.partition.active || head === undefined || head.offset > this.#limit) {
        if (lane.state === 'ready' && lane.partition.active && head !== undefined) lane.state = 'held'
        this.#runner.judge.leave(pass)
        this.#host.slots.release()
        continue
      }
      lane.state = 'running'
      this.#runner.run(lane, head, pass, now)
    }
    this.#pumping = false
  }

  /** Decides what an idle lane does next. The one place where lanes change what they do on their own account. */
  #advance(lane: Lane): void {
    if (lane.state !== 'idle' && lane.state !== 'held') return
    if (!lane.partition.active || lane.partition.draining) return
    lane.cancel()
    if (lane.parked.size > 0) this.#parking.parkBehind(lane)
    // Not before half of it is empty, or it would pause and read again with every event.
    if (lane.full && lane.items.size === 0 && lane.parked.size <= this.subscription.settings.maxParked / 2)
      this.#partitions.resumeAfter(lane)
    const head = lane.head()
    if (head === undefined) {
      lane.state = 'idle'
      lane.rank = 3
      this.#lanes.release(lane)
      return
    }
    const { parked } = head
    if (parked !== undefined && parked.state !== 'behind') {
      lane.state = 'held'
      if (parked.due === undefined) return
      const wait = parked.due - this.#host.runtime.now()
      if (wait > 0) {
        // Looked at again each minute, since the wall clock may be moved while the timer runs.
        lane.timer = this.#host.runtime.setTimer(Math.min(wait, 60_000), () => this.#advance(lane))
        return
      }
    }
    if (head.offset > this.#limit) {
      lane.state = 'held'
      return
    }
    lane.state = 'ready'
    this.#ready.push(lane, lane.rank)
    this.pump()
  }

  /** An attempt has succeeded: everything it wrote, and that it is handled, become true together. */
  #settle(lane: Lane, item: Item, work: Work): void {
    lane.state = 'settling'
    this.#settler.add(new Handled(this.#settled, lane, item, work))
  }

  readonly #settled = {
    committed: (
      lane: Lane,
      item: Item,
      records: readonly EventRecord[] | undefined,
      placed: readonly Placed[],
    ): void => {
      // Those that stood already were told of by whoever has published them.
      if (records !== undefined && placed.length > 0) this.#host.published(records, placed)
      lane.drop()
      this.#credit.free(item)
      lane.state = 'idle'
      this.#advance(lane)
    },
    refused: (lane: Lane, item: Item, error: Error): void => {
      lane.state = 'running'
      this.#runner.refused(lane, item, error)
    },
  }

  #later(lane: Lane, delay: number): void {
    lane.state = 'waiting'
    lane.until = this.#host.runtime.monotonic() + delay
    lane.timer = this.#host.runtime.setTimer(delay, () => {
      lane.state = 'idle'
      this.#advance(lane)
    })
  }

  #halt(error: unknown): void {
    this.#host.log('error', 'The subscription halts at an event that cannot be handled', {
      subscription: this.subscription.settings.name,
      error: error instanceof Error ? error.message : String(error),
    })
    this.pause('halted')
  }

  /** An operator has seen to what it has halted at. */
  #goOn(): void {
    this.#runner.judge.pardon()
    this.resume('halted')
  }

  #othersAtWork(lane: Lane): boolean {
    for (const other of this.#lanes.values()) {
      if (other !== lane && (other.state === 'ready' || other.state === 'running' || other.state === 'waiting'))
        return true
    }
    return false
  }

  #progressed(partitions: ReadonlySet<PartitionState>): void {
    for (const partition of partitions) {
      if (this.#partitions.get(partition.partition) === partition)
        this.#consumer?.done(partition.partition, partition.watermark.low)
    }
    this.#request()
    this.#host.progressed()
    this.#partitions.ended()
  }

  /** Keeps the window full: what is asked for and what is held are never more than it. */
  #request(): void {
    if (this.#consumer === undefined || this.#deaf || this.#pauses.has('draining')) return
    for (const partition of this.#partitions.values()) if (partition.watermark.size > mostAbove) return
    const wanted = this.#credit.ask()
    if (wanted > 0) this.#consumer.request(wanted)
  }
}
