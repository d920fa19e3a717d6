import type { Offset } from '../transport.ts'
import { progressCollection, readNote } from './group-progress.ts'
import type { GroupDocuments } from './log-groups.ts'
import { readAllDocuments } from './membership.ts'

/** From now on a group counts, also before it has begun with anything: nothing is passed by all that it has not passed. */
export async function countGroup(documents: GroupDocuments, group: string): Promise<void> {
  const [collection, id] = [progressCollection, `${group}/`]
  const unit = { expect: [{ collection, id, version: 0 }], documents: [{ collection, id, put: '{}' }] }
  const [result] = await documents.commit([unit])
  if (result?.status === 'refused') throw result.error
}

/** Everything at or below has been passed by every group that was ever counted; 0 where there is none. */
export async function passedByAll(documents: GroupDocuments, partitions: number): Promise<Offset> {
  const groups = new Map<string, { count: number; least: Offset }>()
  for (const { id, body } of await readAllDocuments(documents, progressCollection)) {
    const end = id.lastIndexOf('/')
    const name = id.slice(0, end)
    const group = groups.get(name) ?? { count: 0, least: Number.POSITIVE_INFINITY }
    groups.set(name, group)
    if (end === id.length - 1) continue
    group.count++
    group.least = Math.min(group.least, readNote(body)?.offset ?? 0)
  }
  // A partition that a group has not begun with stands at the beginning.
  const passed = [...groups.values()].map(({ count, least }) => (count < partitions ? 0 : least))
  return passed.length === 0 ? 0 : Math.min(...passed)
}
