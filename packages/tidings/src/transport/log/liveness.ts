import type { Runtime } from '../../kernel/runtime.ts'
import type { StoredDocument } from '../../store/store.ts'

/** The body of a document `instances/<instance>`. */
export interface InstanceBody {
  /** Wall clock of its writer up to which it counts as alive. */
  readonly until: number
  /** The lease it goes by, in milliseconds; it renews three times as often. */
  readonly lease: number
  readonly groups: readonly string[]
  /** By group: which store takes in what the instance hears, where that matters. */
  readonly stores?: Readonly<Record<string, string>>
  /** Grows with each renewal. */
  readonly beat: number
}

interface Seen {
  readonly version: number
  readonly body: InstanceBody
  /** Our monotonic time when this version was first seen. */
  readonly since: number
  /** Whether we saw it renewed with our own eyes. */
  readonly known: boolean
}

/**
 * Judges which instances live, from their documents alone. An instance that was seen renewing is judged by our monotonic clock: it is
 * dead when its document stands still for its whole lease, or for most of it once its wall time has passed too. So a wall
 * clock that jumps, either way, neither kills the living nor keeps the dead. Only at first sight the wall clock alone decides,
 * so that a process that starts after a crash need not wait. Being wrong costs a hand-over, never an event: owners are fenced.
 */
export class Liveness {
  readonly #runtime: Runtime
  readonly #lease: number
  #seen = new Map<string, Seen>()

  constructor(runtime: Runtime, lease: number) {
    this.#runtime = runtime
    this.#lease = lease
  }

  /** Takes in all documents as they stand now. */
  look(documents: readonly StoredDocument[]): void {
    const now = this.#runtime.monotonic()
    const seen = new Map<string, Seen>()
    for (const { id, version, body } of documents) {
      const before = this.#seen.get(id)
      if (before?.version === version) {
        seen.set(id, before)
        continue
      }
      const parsed = this.#parse(body)
      if (parsed !== undefined) seen.set(id, { version, body: parsed, since: now, known: before !== undefined })
    }
    this.#seen = seen
  }

  alive(instance: string): boolean {
    const seen = this.#seen.get(instance)
    return seen !== undefined && this.#left(seen) > 0
  }

  /** Instances of a group that live, in order of id. */
  members(group: string): string[] {
    return [...this.#seen]
      .filter(([, seen]) => seen.body.groups.includes(group) && this.#left(seen) > 0)
      .map(([id]) => id)
      .toSorted()
  }

  /** Living members of a group that take what they hear into another store than this one. */
  strangers(group: string, store: string): string[] {
    return this.members(group).filter((id) => {
      const other = this.#seen.get(id)?.body.stores?.[group]
      return other !== undefined && other !== store
    })
  }

  /** Milliseconds until the next of the others may turn out dead; undefined where nobody lives. */
  nextDeath(self: string): number | undefined {
    const left = [...this.#seen]
      .filter(([id]) => id !== self)
      .map(([, seen]) => this.#left(seen))
      .filter((ms) => ms > 0)
    return left.length === 0 ? undefined : Math.min(...left)
  }

  /** Documents that nobody has renewed for ten leases, with their versions: they may be deleted. */
  forgotten(): { id: string; version: number }[] {
    const now = this.#runtime.monotonic()
    return [...this.#seen]
      .filter(([, { since, body }]) => now - since > 10 * Math.max(body.lease, this.#lease))
      .map(([id, { version }]) => ({ id, version }))
  }

  /** Milliseconds it still has, as far as we know. */
  #left({ body, since, known }: Seen): number {
    const still = this.#runtime.monotonic() - since
    const byWall = body.until - this.#runtime.now()
    const byStillness = body.lease - still
    if (byWall > 0) return Math.min(byStillness, byWall)
    return known ? (body.lease * 2) / 3 - still : 0
  }

  #parse(text: string): InstanceBody | undefined {
    try {
      const body = JSON.parse(text) as Partial<InstanceBody>
      if (typeof body.until !== 'number' || !Array.isArray(body.groups)) return undefined
      const lease = typeof body.lease === 'number' && body.lease > 0 ? body.lease : this.#lease
      const beat = typeof body.beat === 'number' ? body.beat : 0
      const stores = typeof body.stores === 'object' && body.stores !== null ? body.stores : undefined
      return { until: body.until, lease, groups: body.groups, beat, ...(stores === undefined ? {} : { stores }) }
    } catch {
      return undefined
    }
  }
}
