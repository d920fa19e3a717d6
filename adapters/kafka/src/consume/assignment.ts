/** A partition of a topic, as one text: `topic/7`. Topics have no slashes. */
export type Place = string

/** What a member of a group says when it joins. */
export interface Joining {
  readonly id: string
  readonly topics: readonly string[]
  /** What it still works on. */
  readonly owned: readonly Place[]
  /** The generation in which it got them; the newest claim is right. */
  readonly generation: number
  /** Where it keeps what it hears; undefined: nobody knows. */
  readonly store: string | undefined
}

/**
 * Who gets what: each topic is shared evenly among the members that hear it, and so is the whole; everybody keeps what fits. A partition that
 * shall move is given to nobody as long as its owner claims it: it joins again when it has let go.
 * In an exclusive group the member that owns most gets everything.
 */
export function assign(
  members: readonly Joining[],
  partitionsOf: (topic: string) => number,
  exclusive: boolean,
): ReadonlyMap<string, readonly Place[]> {
  const ordered = [...members].sort((a, b) => (a.id < b.id ? -1 : 1))
  const owners = ownersOf(ordered)
  const target = exclusive ? allToOne(ordered, partitionsOf, owners) : evenly(ordered, partitionsOf, owners)
  return new Map(
    ordered.map(({ id }) => [id, (target.get(id) ?? []).filter((place) => (owners.get(place) ?? id) === id)]),
  )
}

function ownersOf(members: readonly Joining[]): ReadonlyMap<Place, string> {
  const claims = new Map<Place, Joining>()
  for (const member of members) {
    for (const place of member.owned) {
      const other = claims.get(place)
      if (other === undefined || other.generation < member.generation) claims.set(place, member)
    }
  }
  return new Map([...claims].map(([place, { id }]) => [place, id]))
}

function allToOne(
  members: readonly Joining[],
  partitionsOf: (topic: string) => number,
  owners: ReadonlyMap<Place, string>,
): Map<string, Place[]> {
  const counts = new Map<string, number>()
  for (const id of owners.values()) counts.set(id, (counts.get(id) ?? 0) + 1)
  const [first] = members
  if (first === undefined) return new Map()
  const one = members.reduce((best, member) =>
    (counts.get(member.id) ?? 0) > (counts.get(best.id) ?? 0) ? member : best,
  )
  return new Map([[one.id, topicsOf(members).flatMap((topic) => placesOf(topic, partitionsOf(topic)))]])
}

function evenly(
  members: readonly Joining[],
  partitionsOf: (topic: string) => number,
  owners: ReadonlyMap<Place, string>,
): Map<string, Place[]> {
  const target = new Map<string, Place[]>(members.map(({ id }) => [id, []]))
  const total = new Map<string, number>(members.map(({ id }) => [id, 0]))
  for (const topic of topicsOf(members)) {
    const hearing = members.filter((member) => member.topics.includes(topic)).map(({ id }) => id)
    const places = placesOf(topic, partitionsOf(topic))
    const kept = Map.groupBy(places, (place) => owners.get(place) ?? '')
    const keeps = (id: string): number => kept.get(id)?.length ?? 0
    // Those that have least so far get one more where it does not come out even; among them, those that would keep it.
    const share = Math.floor(places.length / hearing.length)
    const more = hearing
      .toSorted((a, b) => (total.get(a) as number) - (total.get(b) as number) || keeps(b) - keeps(a))
      .slice(0, places.length % hearing.length)
    const free: Place[] = [...kept].flatMap(([id, own]) => (hearing.includes(id) ? [] : own))
    const wanting: [string, number][] = []
    for (const id of hearing) {
      const size = share + (more.includes(id) ? 1 : 0)
      const own = kept.get(id) ?? []
      target.get(id)?.push(...own.slice(0, size))
      free.push(...own.slice(size))
      if (own.length < size) wanting.push([id, size - own.length])
      total.set(id, (total.get(id) as number) + size)
    }
    for (const [id, count] of wanting) target.get(id)?.push(...free.splice(0, count))
  }
  return target
}

function topicsOf(members: readonly Joining[]): string[] {
  return [...new Set(members.flatMap(({ topics }) => topics))].sort()
}

function placesOf(topic: string, count: number): Place[] {
  return Array.from({ length: count }, (_, partition) => `${topic}/${partition}`)
}
