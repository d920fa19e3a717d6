import type { Client } from '../client/load-client.ts'
import type { Joining, Place } from './assignment.ts'

/** What members and leaders write to each other in the form of Kafka's own consumers, so that the broker's tools can read it. */

/** What a member says of itself when it joins. */
export function writeSubscription(client: Client, { topics, owned, generation, store }: Omit<Joining, 'id'>): Buffer {
  return client.encodeConsumerProtocolSubscription({
    version: 3,
    topics: [...topics],
    userData: store ?? '',
    ownedPartitions: byTopic(owned),
    generationId: generation,
    rackId: null,
  })
}

export function readSubscription(client: Client, id: string, bytes: Buffer): Joining {
  const { topics, ownedPartitions, generationId, userData } = client.decodeConsumerProtocolSubscription(bytes)
  const store = userData?.toString() || undefined
  return { id, topics: topics ?? [], owned: placesIn(ownedPartitions ?? []), generation: generationId ?? -1, store }
}

const split = 'split'

/** What the leader of a group gives a member; `split`: nothing, for it lives with another store. */
export function writeAssignment(client: Client, places: readonly Place[] | typeof split): Buffer {
  return client.encodeConsumerProtocolAssignment({
    version: 1,
    assignedPartitions: places === split ? [] : byTopic(places),
    userData: places === split ? split : '',
  })
}

export function readAssignment(
  client: Client,
  bytes: Buffer,
): { readonly places: readonly Place[]; readonly split: boolean } {
  const { assignedPartitions, userData } = client.decodeConsumerProtocolAssignment(bytes)
  return { places: placesIn(assignedPartitions), split: userData?.toString() === split }
}

export function placeOf(topic: string, partition: number): Place {
  return `${topic}/${partition}`
}

export function parsePlace(place: Place): { readonly topic: string; readonly partition: number } {
  const at = place.lastIndexOf('/')
  return { topic: place.slice(0, at), partition: Number(place.slice(at + 1)) }
}

interface OfTopic {
  topic: string
  partitions: number[]
}

/** Partitions by topic, as most of Kafka's requests want them. */
export function byTopic(places: readonly Place[]): OfTopic[] {
  const found = new Map<string, OfTopic>()
  for (const { topic, partition } of places.map(parsePlace)) {
    const own = found.get(topic)
    if (own === undefined) found.set(topic, { topic, partitions: [partition] })
    else own.partitions.push(partition)
  }
  return [...found.values()]
}

function placesIn(topics: readonly OfTopic[]): Place[] {
  return topics.flatMap(({ topic, partitions }) => partitions.map((partition) => placeOf(topic, partition)))
}
