import { isTidingsError, TidingsError } from '../../kernel/errors.ts'
import { sleep, type Timer } from '../../kernel/runtime.ts'
import type { Host } from '../../store/adapter.ts'
import type { CommitResult, StoredDocument, Unit } from '../../store/store.ts'
import { GroupShare, type Member, type Wanted } from './group-share.ts'
import { Liveness } from './liveness.ts'
import type { GroupDocuments } from './log-groups.ts'
import { type Owners, ownersText, parseOwners } from './ownership.ts'
import { Trouble } from './trouble.ts'

export interface MembershipOptions {
  readonly documents: GroupDocuments
  readonly partitions: number
  readonly host: Host
  /** Milliseconds. */
  readonly lease: number
}

/** Attempts to leave properly while the store fails; afterwards the lease runs out by itself. */
const farewells = 4
/** Changes of ownership that lost a race are tried again at once this often. */
const rushes = 5

/**
 * One instance among those that share the groups of a log. All it knows and does is documents: it renews `instances/<id>`
 * three times a lease, and changes `owners/<group>` with the version it has read as precondition. Looks are rounds, one at a
 * time: read the owners, read the instances, act on what changed, commit what this instance wants to change.
 */
export class Membership {
  readonly id: string
  readonly #options: MembershipOptions
  readonly #joined = new Map<string, GroupShare>()
  readonly #liveness: Liveness
  readonly #trouble: Trouble
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

  get documents(): GroupDocuments {
    return this.#options.documents
  }

  has(group: string): boolean {
    return this.#joined.has(group)
  }

  get empty(): boolean {
    return this.#joined.size === 0
  }

  /** Resolves once the group knows this member; it may own partitions already. Rejects where the store fails. */
  async join(member: Member): Promise<void> {
    const { documents, partitions, host } = this.#options
    const share = new GroupShare(member, this.id, partitions, host.log, () => this.#look())
    this.#joined.set(member.group, share)
    this.#unwatch ??= documents.watch(() => this.#wake())
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
    const share = this.#joined.get(group)
    if (share === undefined) return
    share.leave()
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
        await sleep(runtime, 50 * 2 ** attempt * (0.5 + runtime.random() / 2))
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
      while (!(await this.#once(rush > 0)) && rush < rushes) rush++
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

  /** One look and what follows from it. False: it must be looked again, because another member was faster or the answers are old. */
  async #once(hurry: boolean): Promise<boolean> {
    const { documents, host, lease } = this.#options
    const began = host.runtime.monotonic()
    // Owners first: whoever is read as an owner was announced before, so the instances read afterwards include it.
    await this.#readOwners()
    this.#liveness.look(await readAllDocuments(documents, 'instances'))
    const now = host.runtime.monotonic()
    // Answers that lay waiting while this process stood still make the living look dead.
    if (!hurry && now - began > lease / 3) return false
    const units: Unit[] = []
    const groups = [...this.#joined.values()].filter(({ leaving }) => !leaving).map(({ member }) => member.group)
    const announcing = this.#announcement(groups, now)
    if (announcing !== undefined) units.push(announcing)
    const changes: Wanted[] = []
    for (const share of this.#joined.values()) {
      const wanted = share.wanted(this.#liveness.members(share.member.group))
      if (wanted === undefined) continue
      changes.push(wanted)
      units.push(ownersUnit(share, wanted.owners))
    }
    const first = units.length - changes.length
    for (const forgotten of this.#liveness.forgotten()) if (forgotten.id !== this.id) units.push(forget(forgotten))
    if (units.length === 0) return true
    const results = await documents.commit(units)
    if (announcing !== undefined) {
      refusal(results[0] as CommitResult)
      this.#renewed = now
      this.#announced = groups.join('\n')
    }
    let settled = true
    for (const [at, { owners, committed }] of changes.entries()) {
      const result = results[first + at] as CommitResult
      refusal(result)
      if (result.status === 'committed') committed(owners)
      else settled = false
    }
    return settled
  }

  async #readOwners(): Promise<void> {
    const { documents, partitions } = this.#options
    const looks = [...this.#joined].map(([group, share]) => ({ group, share, confirm: share.beginLook() }))
    // A few groups are asked for by name; many, with whatever else there is, in one go.
    const all = looks.length <= 3 ? undefined : await readAllDocuments(documents, 'owners')
    const byGroup = new Map(all?.map((document) => [document.id, document]))
    for (const { group, share, confirm } of looks) {
      const document = all === undefined ? (await documents.find('owners', { id: group }))[0] : byGroup.get(group)
      const version = document?.version ?? 0
      if (version !== share.version) share.accept(parseOwners(document?.body, partitions), version)
      confirm()
    }
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
    const stores = Object.fromEntries(
      groups.flatMap((group) => {
        const store = this.#joined.get(group)?.member.store
        return store === undefined ? [] : [[group, store]]
      }),
    )
    const beat = ++this.#beat
    const put = JSON.stringify({ until, lease, groups, beat, ...(Object.keys(stores).length === 0 ? {} : { stores }) })
    return { documents: [{ put, collection: 'instances', id: this.id, index: { until } }] }
  }

  #wake(): void {
    // At most twenty looks a lease, however much is committed.
    const at = this.#looked + this.#options.lease / 20
    if (this.#timer === undefined || this.#timer.at > at) this.#wakeIn(at - this.#options.host.runtime.monotonic())
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
    const members = [...this.#joined.values()].map(({ member }) => member)
    this.#joined.clear()
    this.#sleepIfEmpty()
    for (const member of members) member.end(cause)
  }
}

function ownersUnit({ member, version }: GroupShare, owners: Owners): Unit {
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

export async function readAllDocuments(documents: GroupDocuments, collection: string): Promise<StoredDocument[]> {
  const limit = 1_000
  const all: StoredDocument[] = []
  for (let after: string | undefined; ; after = all.at(-1)?.id) {
    const page = await documents.find(collection, { limit, ...(after !== undefined && { after }) })
    all.push(...page)
    if (page.length < limit) return all
  }
}
