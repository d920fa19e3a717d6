/** Who owns a partition, and how often it has changed hands. */
export interface Ownership {
  readonly instance: string
  readonly epoch: number
}

/** The body of a document `owners/<group>`: an entry for each partition; a free one keeps its epoch under an empty instance. */
export type Owners = readonly Ownership[]

const free: Ownership = Object.freeze({ instance: '', epoch: 0 })

/** Reads the body of an owners document; what is missing or cannot be read is free. */
export function parseOwners(body: string | undefined, partitions: number): Owners {
  let entries: Record<string, Partial<Ownership> | undefined> = {}
  try {
    if (body !== undefined) entries = (JSON.parse(body) as { partitions?: typeof entries }).partitions ?? {}
  } catch {
    // Somebody wrote nonsense. Whoever claims next mends it.
  }
  return Array.from({ length: partitions }, (_, partition) => {
    const entry = entries[partition]
    return typeof entry?.instance === 'string' && typeof entry.epoch === 'number'
      ? { instance: entry.instance, epoch: entry.epoch }
      : free
  })
}

export function ownersText(owners: Owners): string {
  return JSON.stringify({ partitions: Object.fromEntries(owners.map((entry, partition) => [partition, entry])) })
}

export interface Plan {
  /** Free partitions, and those of the dead, that this member should take now. */
  readonly claim: readonly number[]
  /** Partitions of this member that somebody else should have: to be drained first. */
  readonly surplus: readonly number[]
}

export interface Standing {
  readonly owners: Owners
  /** Members that live, in order of id, this one among them. */
  readonly members: readonly string[]
  readonly self: string
  readonly exclusive: boolean
  /** Partitions that this member owns and means to keep. */
  readonly kept: readonly number[]
  /** How many it still owns but is giving up. */
  readonly leaving: number
}

/**
 * A member's next move towards an equal share for everybody. Whoever has keeps: only what exceeds a share is given up, so a
 * member that comes or goes moves no more partitions than it must. All members compute the same shares from the same documents.
 */
export function planOf(standing: Standing): Plan {
  const { owners, members, self, kept, leaving } = standing
  const share = shareOf(standing)
  const room = Math.max(0, share - kept.length - leaving)
  const live = new Set(members)
  const claim: number[] = []
  for (let partition = 0; partition < owners.length && claim.length < room; partition++) {
    if (!live.has((owners[partition] as Ownership).instance)) claim.push(partition)
  }
  // The last ones go, so that shares tend to be runs of neighbours.
  const surplus = kept.length > share ? kept.toSorted((a, b) => a - b).slice(share) : []
  return { claim, surplus: surplus.filter((partition) => (owners[partition] as Ownership).instance === self) }
}

function shareOf({ owners, members, self, exclusive }: Standing): number {
  const counts = new Map<string, number>(members.map((member) => [member, 0]))
  for (const { instance } of owners) {
    const count = counts.get(instance)
    if (count !== undefined) counts.set(instance, count + 1)
  }
  // Who owns more comes first and gets the larger share, which keeps a settled group still.
  const ranked = members.toSorted((a, b) => (counts.get(b) as number) - (counts.get(a) as number) || (a < b ? -1 : 1))
  const rank = ranked.indexOf(self)
  if (exclusive) return rank === 0 || counts.get(ranked[0] as string) === 0 ? owners.length : 0
  return Math.floor(owners.length / members.length) + (rank < owners.length % members.length ? 1 : 0)
}
