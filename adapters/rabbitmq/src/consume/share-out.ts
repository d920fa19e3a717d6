/** A member of a group, as the others know it. */
export interface Peer {
  readonly id: string
  /** When it joined, by its own clock; who came first stays first. */
  readonly since: number
}

/**
 * Who should have which partition: the id of a member for each. Every member computes the same from the same members. Shares differ by one at
 * most, and whoever comes last takes from each no more than it needs.
 */
export function shareOut(members: readonly Peer[], partitions: number, exclusive: boolean): readonly string[] {
  const inOrder = members.toSorted((a, b) => a.since - b.since || (a.id < b.id ? -1 : 1))
  const owners = new Array<string>(partitions).fill(inOrder[0]?.id ?? '')
  if (exclusive) return owners
  const shares = new Map<string, number>([[inOrder[0]?.id ?? '', partitions]])
  for (const { id } of inOrder.slice(1)) {
    const share = Math.floor(partitions / (shares.size + 1))
    shares.set(id, 0)
    while ((shares.get(id) as number) < share) {
      const richest = [...shares].reduce((a, b) => (b[1] > a[1] ? b : a))[0]
      owners[owners.lastIndexOf(richest)] = id
      shares.set(richest, (shares.get(richest) as number) - 1)
      shares.set(id, (shares.get(id) as number) + 1)
    }
  }
  return owners
}
