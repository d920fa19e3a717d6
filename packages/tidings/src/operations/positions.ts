import type { Registration } from '../bus/registration.ts'
import type { Position, Store } from '../store/store.ts'
import { checkpointsCollection, marksCollection } from '../subscriber/partition-state.ts'
import type { Progress } from '../subscriber/watermark.ts'
import { readDocuments } from './read-documents.ts'

/** How far each partition of one pass is, as its checkpoints say. */
export interface Positions {
  /** In order of partition; one without a checkpoint stands at the subscription's start. */
  readonly partitions: readonly {
    readonly partition: number
    readonly watermark: Position
    readonly checkpoint: boolean
  }[]
  /** The lowest watermark. */
  readonly low: Position
  /** Whether the event at this position is done with: handled, or parked. */
  done(partition: number, position: Position): boolean
}

export async function readPositions(store: Store, registration: Registration): Promise<Positions> {
  const { name, run, start } = registration
  const prefix = `${name}/${run}/`
  const progress = new Map<number, Progress>()
  for await (const { id, body } of readDocuments(store, checkpointsCollection, { prefix })) {
    progress.set(Number(id.slice(prefix.length)), JSON.parse(body) as Progress)
  }
  const marks = new Set<string>()
  for await (const { id } of readDocuments(store, marksCollection, { prefix })) marks.add(id.slice(prefix.length))
  const partitions = Array.from({ length: store.capabilities.partitions }, (_, partition) => {
    const known = progress.get(partition)
    return { partition, watermark: known?.watermark ?? start, checkpoint: known !== undefined }
  })
  return {
    partitions,
    low: Math.min(...partitions.map(({ watermark }) => watermark)),
    done(partition, position) {
      const known = progress.get(partition)
      if (position <= (known?.watermark ?? start)) return true
      if (known?.done.some(([from, to]) => position >= from && position <= to) === true) return true
      return marks.has(`${partition}/${String(position).padStart(16, '0')}`)
    },
  }
}
