import type { Offset } from 'tidings/spi'

import { BrokerError, noError } from '../client/broker-error.ts'
import type { Cluster } from '../client/cluster.ts'
import type { Topics } from '../topics/topics.ts'
import type { Place } from './assignment.ts'
import type { GroupMembership } from './group-membership.ts'
import { parsePlace, placeOf } from './membership-wire.ts'
import type { ReadingStart } from './partition-reading.ts'

const latest = -1n
const earliest = -2n
const committedOnly = 1
const client = -1

/** Where partitions begin and end, and where to read in those of which nobody knows an offset. */
export class Bounds {
  readonly #cluster: Cluster
  readonly #topics: Topics
  readonly #group: GroupMembership
  readonly #start: 'beginning' | 'end'

  constructor(cluster: Cluster, topics: Topics, group: GroupMembership, start: 'beginning' | 'end') {
    this.#cluster = cluster
    this.#topics = topics
    this.#group = group
    this.#start = start
  }

  /** Where the group stands, else where it was told to start. Rejects where the broker does not say. */
  async locate(wanted: readonly { readonly place: Place }[]): Promise<ReadonlyMap<Place, Offset>> {
    const places = wanted.map(({ place }) => place)
    const found = new Map(await this.#group.committed(places))
    const rest = places.filter((place) => !found.has(place))
    if (rest.length === 0) return found
    for (const [place, offset] of await this.#ask(rest, this.#start === 'end' ? latest : earliest))
      found.set(place, offset)
    return found
  }

  /** An offset does not exist: the log begins behind it now, or ends before it because somebody has made the partition anew. */
  async relocate({ place, topic, partition }: ReadingStart, offset: Offset): Promise<Offset> {
    const first = (await this.#ask([place], earliest)).get(place) ?? 0
    const { log } = this.#cluster.host
    if (offset < first) {
      // To begin at 0 is to begin at the beginning, wherever that is by now.
      if (offset > 0)
        log(
          'error',
          'Kafka has removed events before they were read: its retention is too short, or we were away too long.',
          {
            topic,
            partition,
            from: offset,
            to: first,
          },
        )
      return first
    }
    const end = (await this.#ask([place], latest)).get(place) ?? first
    // It has grown again meanwhile.
    if (offset <= end) return offset
    const stands = (await this.#group.committed([place])).get(place)
    const to = stands !== undefined && stands >= first && stands <= end ? stands : this.#start === 'end' ? end : first
    log('error', 'A partition ends before the place up to which it was read: it was made anew, or has lost events.', {
      topic,
      partition,
      from: offset,
      end,
      to,
    })
    return to
  }

  async #ask(places: readonly Place[], timestamp: bigint): Promise<ReadonlyMap<Place, Offset>> {
    const found = new Map<Place, Offset>()
    const byLeader = Map.groupBy(places.map(parsePlace), ({ topic, partition }) => this.#leaderOf(topic, partition))
    for (const [leader, own] of byLeader) {
      const connection = await this.#cluster.node(this.#cluster.own, leader)
      const topics = [...Map.groupBy(own, ({ topic }) => topic)].map(([name, partitions]) => ({
        name,
        partitions: partitions.map(({ partition }) => ({
          partitionIndex: partition,
          currentLeaderEpoch: -1,
          timestamp,
        })),
      }))
      const answer = await this.#cluster.requests.send(connection, 'listOffsets', client, committedOnly, topics)
      for (const { name, partitions } of answer.topics) {
        for (const { partitionIndex, errorCode, offset } of partitions) {
          if (errorCode !== noError) {
            await this.#topics.refresh()
            throw new BrokerError(errorCode, 'a question about the bounds of a partition')
          }
          found.set(placeOf(name, partitionIndex), Number(offset))
        }
      }
    }
    return found
  }

  #leaderOf(topic: string, partition: number): number {
    return this.#topics.state(topic)?.partitions[partition]?.leader ?? -1
  }
}
