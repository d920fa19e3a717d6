import { BrokerError, noError } from '../client/broker-error.ts'
import type { Cluster } from '../client/cluster.ts'
import type { Place } from './assignment.ts'
import type { Coordinator } from './coordinator.ts'
import { byTopic, placeOf } from './membership-wire.ts'

/** How far a group is, as the broker knows it: for its own tools, and for members who know nothing better. */
export class GroupOffsets {
  readonly #cluster: Cluster
  readonly #coordinator: Coordinator
  readonly #group: string

  constructor(cluster: Cluster, coordinator: Coordinator, group: string) {
    this.#cluster = cluster
    this.#coordinator = coordinator
    this.#group = group
  }

  /** Writes down how far partitions are done, as a member that works on them. Rejects where the broker does not take it. */
  async commit(offsets: ReadonlyMap<Place, number>, member: { id: string; generation: number }): Promise<void> {
    if (offsets.size === 0 || member.id === '') return
    const topics = byTopic([...offsets.keys()]).map(({ topic, partitions }) => ({
      name: topic,
      partitions: partitions.map((partition) => ({
        partitionIndex: partition,
        committedOffset: BigInt(offsets.get(placeOf(topic, partition)) ?? 0),
        committedLeaderEpoch: -1,
        committedMetadata: null,
      })),
    }))
    const connection = await this.#coordinator.aside()
    const { requests } = this.#cluster
    const { generation, id } = member
    const answer = await requests.send(connection, 'offsetCommit', this.#group, generation, id, null, topics)
    for (const { partitions } of answer.topics)
      for (const { errorCode } of partitions)
        if (errorCode !== noError) throw new BrokerError(errorCode, 'offsets that are to be kept')
  }

  /** What is known to be done of partitions; those of which nothing is known are missing. */
  async committed(places: readonly Place[]): Promise<ReadonlyMap<Place, number>> {
    const topics = byTopic(places).map(({ topic, partitions }) => ({ name: topic, partitionIndexes: partitions }))
    const ask = [{ groupId: this.#group, memberId: null, memberEpoch: -1, topics }]
    const connection = await this.#coordinator.aside()
    const { groups } = await this.#cluster.requests.send(connection, 'offsetFetch', ask, true)
    const found = new Map<Place, number>()
    for (const { errorCode, topics: answered } of groups) {
      if (errorCode !== noError) throw new BrokerError(errorCode, 'a question about offsets')
      for (const { name, partitions } of answered) {
        for (const { partitionIndex, committedOffset, errorCode: error } of partitions) {
          if (error !== noError) throw new BrokerError(error, 'a question about offsets')
          if (committedOffset >= 0n) found.set(placeOf(name, partitionIndex), Number(committedOffset))
        }
      }
    }
    return found
  }
}
