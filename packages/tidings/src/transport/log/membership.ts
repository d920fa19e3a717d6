import { isTidingsError, TidingsError } from '../../kernel/errors.ts'
import { sleep, type Timer } from '../../kernel/runtime.ts'
import type { Host } from '../../store/adapter.ts'
import type { CommitResult, Store, StoredDocument, Unit } from '../../store/store.ts'
import { Liveness } from './liveness.ts'
import { type Owners, type Ownership, ownersText, parseOwners, planOf } from './ownership.ts'
import { Trouble } from './trouble.ts'

/** A consumer, as its membership sees it. */
export interface Member {
  readonly group: string
  readonly exclusive: boolean
  /** These are ours now. */
  take(partitions: readonly number[]): void
  /** Stop with these; resolves when nobody works on them any more. Never rejects. */
  giveUp(partitions: readonly number[]): Promise<void>
  /** These are somebody else's already. */
  lose(partitions: readonly number[]): void
  /** The store is closed. */
  end(cause: Error): void
}

export interface MembershipOptions {
  readonly store: Store
  readonly host: Host
  /** Milliseconds. */
  readonly lease: number
}

interface Held {
  readonly epoch: number
  stage: 'kept' | 'draining' | 'drained'
}

interface Joined {
  readonly member: Member
  readonly held: Map<number, Held>
  leaving: boolean
  version: number
  owners: Owners
}

/** Attempts to leave properly while the store fails; afterwards the lease runs out by itself. */
const farewells = 4
/** Changes of ownership that lost a race are tried again at once this often. */
const rushes = 5

/**
 * One instance among those that share the groups of a store. All it knows and does is documents: it renews `instances/<id>`
 * three times a lease, and changes `owners/<group>` with the version it has read as precondition. Looks are rounds, one at a
 * time: read the owners, read the instances, act on what changed, commit what this instance wants to change.
 */
export class Membership {
  readonly id: string
  readonly #options: MembershipOptions
  readonly #joined = new Map<string, Joined>()
  readonly #liveness: Liveness
  readonly #trouble: Trouble
  readonly #stop = new AbortController()
  #round: Promise<void> | undefined
  #next: Promise<void> | undefined
  #again = false
  #timer: { readonly at: number; readonly timer: Timer } | undefined
  #unwatch: (() => void) | undefined
  #beat = 0
  #renewed = Number.NEGATIVE_INFINITY
  #looked = Number.NEGATIVE_INFINITY
  #announced = ''

  constructor(options: MembershipOptions) {
    this.#options = options
    this.id = options.host.runtime.id()
    this.#liveness = new Liveness(options.host.runtime, options.lease)
    this.#trouble = new Trouble(options.host, 'partitions are shared out')
  }

  has(group: string): boolean {
    return this.#joined.has(group)
  }

  get empty(): boolean {
    return this.#joined.size === 0
  }

  /** Resolves once the group knows this member; it may own partitions already. Rejects where the store fails. */
  async join(member: Member): Promise<void> {
    const { store } = this.#options
    const joined: Joined = {
      member,
      held: new Map(),
      leaving: false,
      version: 0,
      owners: parseOwners(undefined, store.capabilities.partitions),
    }
    this.#joined.set(member.group, joined)
    this.#unwatch ??= store.watch(() => this.#wake())
    try {
      await this.#settle()
    } catch (error) {
      this.#joined.delete(member.group)
      this.#sleepIfEmpty()
      throw error
    }
  }

  /** Leaves a group: frees all that is drained, and takes part no more. */
  async leave(group: string): Promise<void> {
    const joined = this.#joined.get(group)
    if (joined === undefined) return
    joined.leaving = true
    for (const held of joined.held.values()) held.stage = 'drained'
    const { runtime, log } = this.#options.host
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#settle()
        break
      } catch (error) {
        if (isTidingsError(error, 'TIDINGS_CLOSED')) break
        if (attempt === farewells) {
          log('warn', 'A group was left without telling it; its other members take over when the lease has run out.', {
            group,
            error,
          })
          break
        }
        await sleep(runtime, this.#trouble.failed(error))
      }
    }
    this.#joined.delete(group)
    this.#sleepIfEmpty()
  }

  #sleepIfEmpty(): void {
    if (this.#joined.size > 0) return
    this.#unwatch?.()
    this.#unwatch = undefined
    this.#timer?.timer.cancel()
    this.#timer = undefined
  }

  /** Runs a round that begins after now, one for all who ask meanwhile, and tells how it ended. */
  #settle(): Promise<void> {
    if (this.#round === undefined && this.#next === undefined) return this.#begin()
    this.#next ??= (this.#round ?? Promise.resolve())
      .catch(() => {})
      .then(() => {
        this.#next = undefined
        return this.#begin()
      })
    return this.#next
  }

  /** A round for its own sake; failures are met by trying again later. */
  #look(): void {
    if (this.#round !== undefined || this.#next !== undefined) {
      this.#again = true
      return
    }
    this.#begin().catch((error: unknown) => {
      if (isTidingsError(error, 'TIDINGS_CLOSED')) this.#die(error)
    })
  }

  #begin(): Promise<void> {
    this.#again = false
    this.#looked = this.#options.host.runtime.monotonic()
    const round = this.#run().finally(() => {
      this.#round = undefined
      if (this.#again && this.#next === undefined) this.#look()
    })
    this.#round = round
    return round
  }

  async #run(): Promise<void> {
    try {
      let rush = 0
      while (!(await this.#once()) && rush < rushes) rush++
      this.#trouble.passed()
      // Lost races go on after a while of random length, so that many members do not race for ever.
      if (rush === rushes) this.#wakeIn(this.#options.lease * 0.02 * (1 + this.#options.host.runtime.random()))
      else
        this.#wakeIn(
          Math.min(
            this.#renewed + this.#options.lease / 3 - this.#options.host.runtime.monotonic(),
            (this.#liveness.nextDeath(this.id) ?? this.#options.lease) + 1,
          ),
        )
    } catch (error) {
      this.#wakeIn(this.#trouble.failed(error))
      throw error
    }
  }

  /** One look and what follows from it. False: another member was faster and it must be looked again. */
  async #once(): Promise<boolean> {
    const { store, host } = this.#options
    // Owners first: whoever is read as an owner was announced before, so the instances read afterwards include it.
    await this.#readOwners()
    this.#liveness.look(await readAllDocuments(store, 'instances'))
    const units: Unit[] = []
    const groups = [...this.#joined.values()].filter(({ leaving }) => !leaving).map(({ member }) => member.group)
    const now = host.runtime.monotonic()
    const announcing = this.#announcement(groups, now)
    if (announcing !== undefined) units.push(announcing)
    const changes: { joined: Joined; owners: Owners }[] = []
    for (const joined of this.#joined.values()) {
      const owners = this.#wanted(joined)
      if (owners === undefined) continue
      changes.push({ joined, owners })
      units.push(ownersUnit(joined, owners))
    }
    const first = units.length - changes.length
    units.push(
      ...this.#liveness
        .forgotten()
        .filter(({ id }) => id !== this.id)
        .map(forget),
    )
    if (units.length === 0) return true
    const results = await store.commit(units)
    if (announcing !== undefined) {
      refusal(results[0] as CommitResult)
      this.#renewed = now
      this.#announced = groups.join('\n')
    }
    let settled = true
    for (const [at, { joined, owners }] of changes.entries()) {
      const result = results[first + at] as CommitResult
      refusal(result)
      if (result.status === 'committed') this.#accept(joined, owners, joined.version + 1)
      else settled = false
    }
    return settled
  }

  async #readOwners(): Promise<void> {
    const { store } = this.#options
    const documents =
      this.#joined.size <= 3
        ? undefined
        : new Map((await readAllDocuments(store, 'owners')).map((document) => [document.id, document]))
    for (const [group, joined] of this.#joined) {
      const document = documents === undefined ? (await store.find('owners', { id: group }))[0] : documents.get(group)
      const version = document?.version ?? 0
      if (version !== joined.version)
        this.#accept(joined, parseOwners(document?.body, store.capabilities.partitions), version)
    }
  }

  /** Brings what this member holds in line with what the store says. */
  #accept(joined: Joined, owners: Owners, version: number): void {
    joined.owners = owners
    joined.version = version
    const { held, member } = joined
    const lost: number[] = []
    const taken: number[] = []
    for (let partition = 0; partition < owners.length; partition++) {
      const { instance, epoch } = owners[partition] as Ownership
      const mine = held.get(partition)
      if (mine !== undefined && (instance !== this.id || epoch !== mine.epoch)) {
        held.delete(partition)
        if (mine.stage !== 'drained') lost.push(partition)
      }
      if (instance === this.id && !held.has(partition) && !joined.leaving) {
        held.set(partition, { epoch, stage: 'kept' })
        taken.push(partition)
      }
    }
    if (lost.length > 0) {
      this.#options.host.log('warn', 'Partitions were taken over by another instance.', {
        group: member.group,
        partitions: lost,
      })
      member.lose(lost)
    }
    if (taken.length > 0) member.take(taken)
  }

  /** The owners as this member would have them; undefined where they are right. Starts draining what is surplus. */
  #wanted(joined: Joined): Owners | undefined {
    const { member, held, owners, leaving } = joined
    const change = new Map<number, Ownership>()
    for (const [partition, { stage, epoch }] of held)
      if (stage === 'drained') change.set(partition, { instance: '', epoch })
    if (leaving) {
      // Also what was claimed by a commit whose answer never came.
      for (const [partition, { instance, epoch }] of owners.entries())
        if (instance === this.id) change.set(partition, { instance: '', epoch })
    } else {
      const kept = [...held].filter(([, { stage }]) => stage === 'kept').map(([partition]) => partition)
      const members = [...new Set([...this.#liveness.members(member.group), this.id])].toSorted()
      const draining = held.size - kept.length
      const plan = planOf({ owners, members, self: this.id, exclusive: member.exclusive, kept, leaving: draining })
      for (const partition of plan.claim)
        change.set(partition, { instance: this.id, epoch: (owners[partition] as Ownership).epoch + 1 })
      if (plan.surplus.length > 0) void this.#drain(joined, plan.surplus)
    }
    return change.size === 0 ? undefined : owners.map((entry, partition) => change.get(partition) ?? entry)
  }

  async #drain({ member, held }: Joined, partitions: readonly number[]): Promise<void> {
    const draining = partitions.map((partition) => held.get(partition) as Held)
    for (const each of draining) each.stage = 'draining'
    await member.giveUp(partitions)
    for (const each of draining) each.stage = 'drained'
    this.#look()
  }

  #announcement(groups: readonly string[], now: number): Unit | undefined {
    const { lease, host } = this.#options
    if (groups.length === 0)
      return this.#announced === ''
        ? undefined
        : { documents: [{ delete: true, collection: 'instances', id: this.id }] }
    const due = now - this.#renewed >= lease * 0.3 || !this.#liveness.alive(this.id)
    if (!due && groups.join('\n') === this.#announced) return undefined
    const until = host.runtime.now() + lease
    const put = JSON.stringify({ until, lease, groups, beat: ++this.#beat })
    return { documents: [{ put, collection: 'instances', id: this.id, index: { until } }] }
  }

  #wake(): void {
    // At most twenty looks a lease, however much is committed.
    this.#wakeIn(this.#looked + this.#options.lease / 20 - this.#options.host.runtime.monotonic())
  }

  #wakeIn(ms: number): void {
    if (this.#joined.size === 0) return
    const { runtime } = this.#options.host
    const at = runtime.monotonic() + Math.max(0, ms)
    if (this.#timer !== undefined && this.#timer.at <= at) return
    this.#timer?.timer.cancel()
    const timer = runtime.setTimer(Math.max(0, ms), () => {
      this.#timer = undefined
      this.#look()
    })
    this.#timer = { at, timer }
  }

  #die(cause: Error): void {
    this.#stop.abort()
    const members = [...this.#joined.values()].map(({ member }) => member)
    this.#joined.clear()
    this.#sleepIfEmpty()
    for (const member of members) member.end(cause)
  }
}

function ownersUnit({ member, version }: Joined, owners: Owners): Unit {
  return {
    expect: [{ collection: 'owners', id: member.group, version }],
    documents: [{ put: ownersText(owners), collection: 'owners', id: member.group }],
  }
}

function forget({ id, version }: { id: string; version: number }): Unit {
  return {
    expect: [{ collection: 'instances', id, version }],
    documents: [{ delete: true, collection: 'instances', id }],
  }
}

function refusal(result: CommitResult): void {
  if (result.status !== 'refused') return
  throw new TidingsError('TIDINGS_UNIT_REFUSED', 'The store refuses the documents of the log transport.', {
    cause: result.error,
  })
}

async function readAllDocuments(store: Store, collection: string): Promise<StoredDocument[]> {
  const limit = 1_000
  const all: StoredDocument[] = []
  for (let after: string | undefined; ; after = all.at(-1)?.id) {
    const page = await store.find(collection, { limit, ...(after !== undefined && { after }) })
    all.push(...page)
    if (page.length < limit) return all
  }
}
