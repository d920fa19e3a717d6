import { within } from '../kernel/lifecycle.ts'
import type { Offset } from '../transport/transport.ts'
import type { EngineHost } from './engine-host.ts'
import type { Item, Lane } from './lane.ts'
import type { LaneTable } from './lane-table.ts'
import { loadParked } from './load-parked.ts'
import type { Parking } from './parking.ts'
import { type PartitionState, takeOver } from './partition-state.ts'
import type { Settler } from './settler.ts'
import { runName, type Subscription } from './subscription.ts'
import { TakeBack } from './take-back.ts'

/** What the owner of partitions needs of its engine. */
export interface PartitionsHost {
  readonly host: EngineHost
  readonly subscription: Subscription
  /** Where a partition without a checkpoint begins. */
  readonly start: Offset
  readonly settler: Settler
  readonly lanes: LaneTable
  readonly parking: Parking
  /** Takes back what runs for these partitions. */
  withdraw(partitions: readonly PartitionState[], why: string): void
  /** Live events have left memory with their partition. */
  released(items: readonly Item[]): void
  /** Begins a partition anew after this offset. */
  seek(partition: number, offset: Offset): void
  /** New partitions are there: their lanes may go on. */
  arrived(): void
}

/** How often idle progress is written down, in milliseconds. */
const checkpointEvery = 5_000
/** The same for a replay: it is done when the idle ones are, too, and somebody waits for it. */
const replayCheckpointEvery = 500

/** Longest that a handler may go on when its partition is wanted elsewhere, in milliseconds: the others of the group wait for it. */
const patience = 30_000

/**
 * The partitions that one subscription owns in this process: taken over with their tokens and parked events, handed over after
 * draining, given up when somebody else has raised the token, and taken back when nobody came for them.
 */
export class Partitions {
  readonly #with: PartitionsHost
  readonly #sequential: boolean
  readonly #owned = new Map<number, PartitionState>()
  readonly #takeBack: TakeBack
  /** Partitions that are being taken back: what the transport still delivers of them lies too far on. */
  readonly #unread = new Set<number>()
  /** Those that take nothing new, each with its streams that hold as many parked events as they may. */
  readonly #full = new Map<PartitionState, Set<Lane>>()
  #assigning = 0
  #cadence: { cancel(): void } | undefined
  #waits: (() => void)[] = []

  constructor(parts: PartitionsHost) {
    this.#with = parts
    this.#sequential = parts.subscription.settings.order === 'all'
    this.#takeBack = new TakeBack(parts.host.runtime, (partition) => this.#reclaim(partition))
  }

  /** True while partitions are on their way here. */
  get arriving(): boolean {
    return this.#assigning > 0
  }

  get(partition: number): PartitionState | undefined {
    return this.#owned.get(partition)
  }

  values(): Iterable<PartitionState> {
    return this.#owned.values()
  }

  /** The partition, if what the transport says of it counts. */
  listening(partition: number): PartitionState | undefined {
    if (this.#unread.has(partition)) return undefined
    const state = this.#owned.get(partition)
    return state === undefined || this.#full.has(state) ? undefined : state
  }

  /** A stream holds as many parked events as it may: its partition takes nothing new, and what is still delivered of it is read again later. Idempotent. */
  pauseFor(lane: Lane): void {
    lane.full = true
    const { host, subscription } = this.#with
    const states = this.#sequential ? [...this.#owned.values()] : [lane.partition]
    for (const state of states) {
      const lanes = this.#full.get(state)
      if (lanes !== undefined) lanes.add(lane)
      else {
        this.#full.set(state, new Set([lane]))
        host.log('error', 'A partition takes nothing new: a blocked stream holds as many parked events as it may', {
          subscription: subscription.settings.name,
          partition: state.partition,
          stream: lane.stream,
          limit: subscription.settings.maxParked,
        })
      }
    }
  }

  /** There is room again. */
  resumeAfter(lane: Lane): void {
    lane.full = false
    for (const [state, lanes] of this.#full) {
      if (!lanes.delete(lane) || lanes.size > 0) continue
      this.#full.delete(state)
      this.#with.host.log('info', 'A partition takes events again', {
        subscription: this.#with.subscription.settings.name,
        partition: state.partition,
      })
      this.#with.seek(state.partition, state.watermark.seen)
    }
  }

  isFull(state: PartitionState): boolean {
    return this.#full.has(state)
  }

  /** Writes progress down from now on. */
  start(): void {
    const { host, subscription } = this.#with
    this.#cadence = host.runtime.setTimer(subscription.run === 0 ? checkpointEvery : replayCheckpointEvery, () => {
      this.#writeProgress(this.#owned.values())
      this.start()
    })
  }

  stop(): void {
    this.#cadence?.cancel()
    this.#takeBack.close()
  }

  assigned(partitions: readonly number[]): Promise<readonly Offset[]> {
    for (const partition of partitions) {
      this.#takeBack.assigned(partition)
      this.#unread.delete(partition)
    }
    return this.#own(partitions)
  }

  async revoked(partitions: readonly number[]): Promise<void> {
    const states = partitions.map((partition) => this.#owned.get(partition)).filter((state) => state !== undefined)
    const { host, subscription } = this.#with
    const drained = await within(
      host.runtime,
      Math.min(subscription.settings.timeout, patience),
      this.drain(states),
    ).catch(() => false)
    if (!drained) this.#with.withdraw(states, 'its partition moves to another instance')
    for (const partition of partitions) {
      this.#takeBack.gone(partition)
      this.#forget(partition)
    }
  }

  lost(partitions: readonly number[]): void {
    for (const partition of partitions) this.#takeBack.gone(partition)
    for (const partition of partitions) this.#giveUp(partition)
    if (this.#sequential) for (const partition of this.#takeBack.ours()) this.#takeBack.consider(partition)
  }

  /** A commit of this life of a partition was refused because somebody has raised the token. A later life here may be who has. */
  fencedOff(state: PartitionState): void {
    const { partition } = state
    if (this.#owned.get(partition) === state && this.#giveUp(partition)) this.#takeBack.consider(partition)
  }

  /** Lets what runs or settles come to its end, starts nothing new, and writes the progress down. */
  async drain(partitions: readonly PartitionState[]): Promise<void> {
    const { lanes, settler } = this.#with
    const mine = new Set(partitions)
    for (const partition of partitions) partition.draining = true
    for (const lane of lanes.values()) if (mine.has(lane.partition) && lane.state === 'ready') lane.state = 'idle'
    const busy = (): boolean => {
      for (const lane of lanes.values()) {
        if (mine.has(lane.partition) && (lane.state === 'running' || lane.state === 'settling')) return true
      }
      return false
    }
    while (busy()) await new Promise<void>((resolve) => void this.#waits.push(resolve))
    this.#writeProgress(partitions)
    await settler.idle()
  }

  /** Something has ended; those who drain look again. */
  ended(): void {
    if (this.#waits.length > 0) for (const resolve of this.#waits.splice(0)) resolve()
  }

  /** Takes partitions over and rebuilds their lanes from the documents. Returns where to read on. */
  async #own(partitions: readonly number[]): Promise<readonly Offset[]> {
    this.#assigning++
    try {
      return await this.#takeOver(partitions)
    } finally {
      // Only now does the transport go on; until then nobody may take this engine for quiet.
      this.#with.host.runtime.defer(() => {
        this.#assigning--
        this.#with.arrived()
      })
    }
  }

  async #takeOver(partitions: readonly number[]): Promise<readonly Offset[]> {
    const { host, subscription, start, parking } = this.#with
    const { store, instance } = host
    const run = runName(subscription)
    const states = await Promise.all(
      partitions.map((partition) => takeOver(store, `${run}/${partition}`, partition, instance, start)),
    )
    const parked = await Promise.all(
      states.map(async (state) => (await loadParked(store, state.id)).map((one) => ({ state, one }))),
    )
    for (const state of states) {
      // An earlier life of the same partition here is over.
      this.#forget(state.partition)
      this.#owned.set(state.partition, state)
    }
    const all = this.#sequential ? parked.flat().toSorted((a, b) => a.one.offset - b.one.offset) : parked.flat()
    // Dead letters that hold nobody up stay on disk until somebody asks for them.
    for (const { state, one } of all) if (one.blocking || one.state !== 'dead') parking.adopt(state, one)
    return states.map((state) => state.watermark.progress().watermark)
  }

  async #reclaim(partition: number): Promise<void> {
    const missing = (this.#sequential ? this.#takeBack.ours() : [partition]).filter((one) => !this.#owned.has(one))
    for (const one of missing) this.#unread.add(one)
    const offsets = await this.#own(missing)
    for (const [at, one] of missing.entries()) {
      this.#unread.delete(one)
      if (this.#takeBack.ours().includes(one)) this.#with.seek(one, offsets[at] as Offset)
      else this.#forget(one)
    }
  }

  /** Forgets a partition that is somebody else's, and takes back what runs for it. False when it was not ours. */
  #giveUp(partition: number): boolean {
    if (!this.#owned.has(partition)) return false
    const { host, subscription } = this.#with
    host.log('warn', 'A partition has moved to another instance', {
      subscription: subscription.settings.name,
      partition,
    })
    // Strictly one after another goes with all partitions or with none.
    const gone = [...this.#owned.values()].filter((state) => this.#sequential || state.partition === partition)
    for (const state of gone) this.#forget(state.partition)
    this.#with.withdraw(gone, 'its partition has moved to another instance')
    return true
  }

  #forget(partition: number): void {
    const state = this.#owned.get(partition)
    if (state === undefined) return
    state.active = false
    this.#owned.delete(partition)
    this.#full.delete(state)
    this.ended()
    this.#with.released(this.#with.lanes.forget(state))
    this.#with.host.progressed()
  }

  /** Tells how far partitions without work have been looked at, so that retention and restarts need not look again. */
  #writeProgress(partitions: Iterable<PartitionState>): void {
    for (const partition of partitions) {
      if (!partition.active || !partition.moved) continue
      this.#with.settler.add({ partition, entry: undefined, committed() {}, refused() {}, lost() {} })
    }
  }
}
