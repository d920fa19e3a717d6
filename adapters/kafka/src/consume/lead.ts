import type { Cluster } from '../client/cluster.ts'
import type { Topics } from '../topics/topics.ts'
import { assign, type Joining } from './assignment.ts'
import { readSubscription, writeAssignment } from './membership-wire.ts'

/** Who works on what, decided by the member that leads a group: the answer for each of its members. */
export async function lead(
  cluster: Cluster,
  topics: Topics,
  exclusive: boolean,
  members: readonly { memberId: string; metadata: Buffer }[],
): Promise<{ memberId: string; assignment: Buffer }[]> {
  const { client, host } = cluster
  const joining = members.map(({ memberId, metadata }): Joining => {
    try {
      return readSubscription(client, memberId, metadata)
    } catch (error) {
      const fields = { member: memberId, error }
      host.log('warn', 'A member of a group says what nobody understands; it gets no partitions.', fields)
      return { id: memberId, topics: [], owned: [], generation: -1, store: undefined }
    }
  })
  const store = storeOf(joining)
  const [ours, strangers] = [joining, joining].map((all, at) =>
    all.filter((one) => (one.store === undefined || one.store === store) === (at === 0)),
  ) as [Joining[], Joining[]]
  await topics.look([...new Set(ours.flatMap((one) => one.topics))])
  const assignment = assign(ours, (topic) => topics.state(topic)?.partitions.length ?? 0, exclusive)
  return [
    ...[...assignment].map(([memberId, places]) => ({ memberId, assignment: writeAssignment(client, places) })),
    ...strangers.map(({ id }) => ({ memberId: id, assignment: writeAssignment(client, 'split') })),
  ]
}

/** The store that the group lives with: that of members who work already; of new ones, that of whoever comes first by name. */
function storeOf(members: readonly Joining[]): string | undefined {
  const known = members.filter(({ store }) => store !== undefined)
  if (known.length === 0) return undefined
  return known.reduce((best, one) => {
    if (one.owned.length !== best.owned.length) return one.owned.length > best.owned.length ? one : best
    if (one.generation !== best.generation) return one.generation > best.generation ? one : best
    return one.id < best.id ? one : best
  }).store
}
