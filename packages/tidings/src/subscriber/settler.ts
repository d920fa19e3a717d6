import { TidingsError } from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import type { Committer } from '../publisher/committer.ts'
import type { CommitResult, Placed, Store } from '../store/store.ts'
import { conflictOf } from './commit-transaction.ts'
import { checkpointsCollection, fencesCollection, type PartitionState } from './partition-state.ts'
import {
  addReplaced,
  apart,
  clashes,
  expecting,
  hasRecords,
  isLateAnswer,
  lostPartition,
  none,
  type Settlement,
  unitOf,
  versionOf,
  withoutRecords,
} from './settlement.ts'

export interface SettlerHost {
  readonly store: Store
  readonly committer: Committer
  readonly runtime: Runtime
  readonly log: Log
  readonly subscription: string
  /** Somebody else owns this partition now. */
  partitionLost(partition: PartitionState): void
  /** A commit is through; the partitions' watermarks may have moved. */
  progressed(partitions: ReadonlySet<PartitionState>): void
}

/** Most settlements that travel in one unit. */
const most = 1_000

/**
 * Commits what has ended, many deliveries in one unit: their effects, the events they publish, and one checkpoint a partition. One
 * unit is under way at a time. When the merged unit is refused, each delivery is tried by itself, so that one handler's bad
 * statement costs its neighbours nothing; where somebody else was faster, those who are beaten leave, and the others go together. When the store gives no answer, the checkpoint's version tells what became of it.
 */
export class Settler {
  readonly #host: SettlerHost
  #waiting: Settlement[] = []
  #flying = false
  #scheduled = false
  #idle: (() => void)[] = []
  #closed = false

  constructor(host: SettlerHost) {
    this.#host = host
  }

  get busy(): boolean {
    return this.#flying || this.#waiting.length > 0
  }

  add(settlement: Settlement): void {
    this.#waiting.push(settlement)
    if (this.#scheduled || this.#flying) return
    this.#scheduled = true
    // At the end of this turn, so that everything which ends in it travels together.
    queueMicrotask(this.#start)
  }

  /** Resolves when nothing waits and nothing is under way. */
  idle(): Promise<void> {
    return this.busy ? new Promise((resolve) => void this.#idle.push(resolve)) : Promise.resolve()
  }

  /** Gives up: what has no answer by now never gets one. For a process that must end while its store is away. */
  abandon(): void {
    this.#closed = true
    this.#waiting = []
    this.#finish()
  }

  readonly #start = (): void => {
    this.#scheduled = false
    if (this.#flying || this.#closed) return
    const batch = this.#take()
    if (batch.length === 0) {
      this.#finish()
      return
    }
    this.#flying = true
    this.#submit(batch, (result, error) => {
      if (result?.status === 'committed' && !result.repeated) {
        this.#apply(batch, result.events)
        this.#landed()
      } else void this.#recover(batch, result, error)
    })
  }

  #landed(): void {
    this.#flying = false
    if (this.#waiting.length > 0) this.#start()
    else this.#finish()
  }

  #take(): Settlement[] {
    const taken = this.#waiting.length <= most ? this.#waiting : this.#waiting.slice(0, most)
    this.#waiting = taken === this.#waiting ? [] : this.#waiting.slice(most)
    const batch: Settlement[] = []
    const later: Settlement[] = []
    // Those that expect nothing, nearly all, cost nothing here.
    const touched = taken.some(({ expect }) => expect !== undefined) ? new Set<string>() : undefined
    for (const settlement of taken) {
      if (!settlement.partition.active) settlement.lost()
      else if (touched !== undefined && clashes(settlement, touched)) later.push(settlement)
      else batch.push(settlement)
    }
    if (later.length > 0) this.#waiting = [...later, ...this.#waiting]
    return batch
  }

  #submit(
    batch: readonly Settlement[],
    settled: (result: CommitResult | undefined, error: Error | undefined) => void,
  ): void {
    for (const { entry } of batch) if (entry !== undefined) entry.done = true
    this.#host.committer.submit({ unit: unitOf(batch), rank: 0, settled })
  }

  #apply(batch: readonly Settlement[], placed: readonly Placed[]): void {
    const partitions = new Set<PartitionState>()
    for (const { partition } of batch) partitions.add(partition)
    for (const partition of partitions) partition.committed()
    let at = 0
    for (const settlement of batch) {
      const count = settlement.records?.length ?? 0
      settlement.committed(count === 0 ? none : placed.slice(at, at + count))
      at += count
    }
    this.#refuseBeaten(batch)
    this.#host.progressed(partitions)
  }

  /**
   * Those that wait and expect what was so before this batch has changed it are beaten, and the store need not say so to each by a commit of its own. Who
   * has read what the batch left, while its answer was on its way, expects another version, and is not.
   */
  #refuseBeaten(batch: readonly Settlement[]): void {
    if (!this.#waiting.some(({ expect }) => expect !== undefined)) return
    const gone = new Set<string>()
    for (const settlement of batch) addReplaced(settlement, gone)
    if (gone.size === 0) return
    const beaten: Settlement[] = []
    this.#waiting = this.#waiting.filter((settlement) => {
      const { partition, expect } = settlement
      if (!partition.active || expect?.some((one) => gone.has(versionOf(one))) !== true) return true
      beaten.push(settlement)
      return false
    })
    for (const settlement of beaten) settlement.refused(conflictOf(undefined))
  }

  #finish(): void {
    if (this.#idle.length > 0 && !this.busy) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** The slow path: something was in the way of a merged unit. */
  async #recover(
    batch: readonly Settlement[],
    result: CommitResult | undefined,
    error: Error | undefined,
  ): Promise<void> {
    try {
      await this.#resolve(batch, result, error)
    } catch (failure) {
      // Nobody but a bug gets here; losing the partitions makes the next owner begin at the last commit, which is always right.
      this.#host.log('error', 'Settling failed; the partitions are given up', {
        subscription: this.#host.subscription,
        error: failure,
      })
      for (const { partition } of batch) this.#host.partitionLost(partition)
      for (const settlement of batch) settlement.lost()
    }
    this.#landed()
  }

  async #resolve(
    whole: readonly Settlement[],
    first: CommitResult | undefined,
    firstError: Error | undefined,
  ): Promise<void> {
    let batch = whole
    let result = first
    let error = firstError
    let doubt = false
    while (!this.#closed) {
      // After a try that gave no answer, whatever stands in the way of its repetition may be that very try.
      if (
        result === undefined ||
        isLateAnswer(result) ||
        (doubt && (result.status === 'committed' ? result.repeated : lostPartition(batch, result) === undefined))
      ) {
        doubt = result === undefined
        if (await this.#wasApplied(batch, error)) {
          this.#apply(batch, none)
          return
        }
      } else {
        if (result.status === 'committed' && !(result.repeated && batch.some(hasRecords))) {
          this.#apply(batch, result.events)
          return
        }
        const lost = lostPartition(batch, result)
        const beaten = result.status === 'conflict' ? expecting(batch, result.expectation) : none
        if (lost !== undefined) this.#host.partitionLost(lost)
        else if (beaten.length > 0 && beaten.length < batch.length) {
          // Somebody else was faster there; the others do not depend on it.
          for (const settlement of beaten) this.#refuse(settlement, result)
          batch = batch.filter((settlement) => !beaten.includes(settlement))
        } else if (batch.length > 1) {
          await this.#resolveApart(batch)
          return
        } else if (result.status === 'committed') {
          // The handler gave its events ids of its own, and they stand already. The rest of its unit must still become true.
          batch = batch.map(withoutRecords)
        } else {
          this.#refuse(batch[0] as Settlement, result)
          return
        }
      }
      batch = this.#without(batch)
      if (batch.length === 0) return
      ;({ result, error } = await this.#again(batch))
    }
  }

  async #resolveApart(batch: readonly Settlement[]): Promise<void> {
    // A checkpoint tells of everything marked done, so only the part that is under way may be.
    for (const { entry } of batch) if (entry !== undefined) entry.done = false
    for (const part of apart(batch)) {
      const left = this.#without(part)
      if (left.length === 0) continue
      const { result, error } = await this.#again(left)
      await this.#resolve(left, result, error)
    }
  }

  /** Leaves out what belongs to partitions that are gone. */
  #without(batch: readonly Settlement[]): readonly Settlement[] {
    return batch.filter((settlement) => {
      if (settlement.partition.active) return true
      if (settlement.entry !== undefined) settlement.entry.done = false
      settlement.lost()
      return false
    })
  }

  #refuse(settlement: Settlement, answer: CommitResult): void {
    if (settlement.entry !== undefined) settlement.entry.done = false
    settlement.refused(
      answer.status === 'refused'
        ? new TidingsError(
            'TIDINGS_UNIT_REFUSED',
            `What the handler wrote was refused by the store: ${answer.error.message}`,
            { cause: answer.error },
          )
        : conflictOf(answer.status === 'conflict' ? answer : undefined),
    )
  }

  #again(batch: readonly Settlement[]): Promise<{ result: CommitResult | undefined; error: Error | undefined }> {
    for (const { entry } of batch) if (entry !== undefined) entry.done = true
    return new Promise((resolve) =>
      this.#host.committer.submit({
        unit: unitOf(batch),
        rank: 0,
        settled: (result, error) => resolve({ result, error }),
      }),
    )
  }

  /** Waits until the store speaks again and asks it what became of the unit. */
  async #wasApplied(batch: readonly Settlement[], cause: Error | undefined): Promise<boolean> {
    const { log, runtime, store, subscription } = this.#host
    log('warn', 'The store gave no answer to a commit; asking until it does', { subscription, error: cause?.message })
    for (let wait = 50; !this.#closed; wait = Math.min(wait * 2, 2_000)) {
      await sleep(runtime, wait * (0.5 + runtime.random()))
      try {
        let applied = false
        for (const partition of new Set(batch.map((settlement) => settlement.partition))) {
          // In this order: whoever still has the token after the checkpoint was read is the one who wrote it.
          const [checkpoint] = await store.find(checkpointsCollection, { id: partition.id })
          const [fence] = await store.find(fencesCollection, { id: partition.id })
          // Where somebody else owns it by now it does not matter: the new owner has read what counts.
          if (fence?.version !== partition.token) this.#host.partitionLost(partition)
          else if ((checkpoint?.version ?? 0) > partition.checkpointVersion) applied = true
        }
        return applied
      } catch {
        // Still away.
      }
    }
    return false
  }
}
