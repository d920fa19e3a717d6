import type { Log } from '../../kernel/log.ts'
import { type Owners, type Ownership, parseOwners, planOf } from './ownership.ts'

/** A consumer, as its membership sees it. */
export interface Member {
  readonly group: string
  readonly exclusive: boolean
  /** Which store takes in what it hears, where that matters. */
  readonly store: string | undefined
  /** These are ours now. Resolves when the sink has been told, or will not be. Never rejects. */
  take(partitions: readonly number[]): Promise<void>
  /** Stop with these; resolves when nobody works on them any more. Never rejects. */
  giveUp(partitions: readonly number[]): Promise<void>
  /** These are somebody else's already. */
  lose(partitions: readonly number[]): void
  /** The store is closed. */
  end(cause: Error): void
}

interface Held {
  readonly epoch: number
  stage: 'kept' | 'draining' | 'drained'
  /** Whether the sink knows of it. */
  told: boolean
  /** Whether a look that began when the sink knew has found it still ours. */
  confirmed: boolean
}

/** What this instance holds of one group, and what it makes of the group's owners each time it looks. */
export class GroupShare {
  readonly member: Member
  /** Set for good when the member is on its way out: it claims nothing more and frees all it has. */
  leaving = false
  readonly #self: string
  readonly #log: Log
  readonly #look: () => void
  readonly #held = new Map<number, Held>()
  /** Partitions whose new owner may have been disturbed by us. */
  readonly #suspects = new Set<number>()
  #owners: Owners
  #version = 0

  /** @param look Asks for another look soon. */
  constructor(member: Member, self: string, partitions: number, log: Log, look: () => void) {
    this.member = member
    this.#self = self
    this.#log = log
    this.#look = look
    this.#owners = parseOwners(undefined, partitions)
  }

  /** Version of the owners document this share knows. */
  get version(): number {
    return this.#version
  }

  /** Call when a look begins; call what it returns when what was read has been accepted. */
  beginLook(): () => void {
    const told = [...this.#held.values()].filter((held) => held.told)
    return () => {
      for (const held of told) held.confirmed = true
    }
  }

  /** Brings what is held in line with what the store says. */
  accept(owners: Owners, version: number): void {
    this.#owners = owners
    this.#version = version
    const lost: number[] = []
    const taken = new Map<number, Held>()
    for (let partition = 0; partition < owners.length; partition++) {
      const { instance, epoch } = owners[partition] as Ownership
      const mine = this.#held.get(partition)
      if (mine !== undefined && (instance !== this.#self || epoch !== mine.epoch)) {
        this.#held.delete(partition)
        if (mine.stage !== 'drained') lost.push(partition)
        if (mine.told && !mine.confirmed) this.#suspects.add(partition)
      }
      if (instance === this.#self && !this.#held.has(partition) && !this.leaving) {
        const held: Held = { epoch, stage: 'kept', told: false, confirmed: false }
        this.#held.set(partition, held)
        taken.set(partition, held)
      }
    }
    if (lost.length > 0) {
      this.#log('warn', 'Partitions were taken over by another instance.', {
        group: this.member.group,
        partitions: lost,
      })
      this.member.lose(lost)
    }
    if (taken.size > 0) void this.#take(taken)
  }

  async #take(taken: ReadonlyMap<number, Held>): Promise<void> {
    await this.member.take([...taken.keys()])
    let late = false
    for (const [partition, held] of taken) {
      held.told = true
      if (this.#held.get(partition) === held) continue
      this.#suspects.add(partition)
      late = true
    }
    if (late) this.#look()
  }

  /** What the owners document should say, by this member; undefined where it is right. Starts draining what is surplus. */
  wanted(living: readonly string[]): Wanted | undefined {
    const owners = this.#owners
    const change = new Map<number, Ownership>()
    for (const [partition, { stage, epoch }] of this.#held)
      if (stage === 'drained') change.set(partition, { instance: '', epoch })
    const disturbed = this.#settleSuspects(change)
    if (this.leaving) {
      // Also what was claimed by a commit whose answer never came.
      for (const [partition, { instance, epoch }] of owners.entries())
        if (instance === this.#self) change.set(partition, { instance: '', epoch })
    } else this.#plan(living, change)
    if (change.size === 0) return undefined
    return {
      owners: owners.map((entry, partition) => change.get(partition) ?? entry),
      committed: (next) => {
        for (const partition of disturbed) this.#suspects.delete(partition)
        this.accept(next, this.#version + 1)
      },
    }
  }

  #plan(living: readonly string[], change: Map<number, Ownership>): void {
    const kept = [...this.#held].filter(([, { stage }]) => stage === 'kept').map(([partition]) => partition)
    const members = [...new Set([...living, this.#self])]
    const leaving = this.#held.size - kept.length
    const plan = planOf({
      owners: this.#owners,
      members,
      self: this.#self,
      exclusive: this.member.exclusive,
      kept,
      leaving,
    })
    for (const partition of plan.claim)
      change.set(partition, { instance: this.#self, epoch: (this.#owners[partition] as Ownership).epoch + 1 })
    if (plan.surplus.length > 0) void this.#drain(plan.surplus)
  }

  /**
   * A sink that is told of a partition takes its fence. If that came too late, when another instance owned the partition already, it
   * has fenced off the rightful owner. A new epoch makes that one begin again, with a newer fence than ours.
   */
  #settleSuspects(change: Map<number, Ownership>): readonly number[] {
    for (const partition of this.#suspects) {
      const { instance, epoch } = this.#owners[partition] as Ownership
      if (instance === '' || instance === this.#self) this.#suspects.delete(partition)
      else change.set(partition, { instance, epoch: epoch + 1 })
    }
    return [...this.#suspects]
  }

  async #drain(partitions: readonly number[]): Promise<void> {
    const draining = partitions.map((partition) => this.#held.get(partition) as Held)
    for (const held of draining) held.stage = 'draining'
    await this.member.giveUp(partitions)
    for (const held of draining) held.stage = 'drained'
    this.#look()
  }

  /** The member has stopped: everything it holds may go. */
  leave(): void {
    this.leaving = true
    for (const held of this.#held.values()) held.stage = 'drained'
  }
}

export interface Wanted {
  readonly owners: Owners
  /** Call when exactly this became true. */
  readonly committed: (owners: Owners) => void
}
