import type { DocumentChange, Expectation, Store, StoredDocument } from '../store/store.ts'
import type { Offset } from '../transport/transport.ts'
import { loadParked } from './load-parked.ts'
import { deleteParked } from './parked-event.ts'
import { type Progress, Watermark } from './watermark.ts'

export const fencesCollection = 'fences'
export const checkpointsCollection = 'checkpoints'
export const marksCollection = 'marks'

/** Whether it is the token of a partition that is expected: a conflict then says that the partition is somebody else's. */
export function isFence(expectation: Expectation): expectation is Extract<Expectation, { collection: string }> {
  return 'collection' in expectation && expectation.collection === fencesCollection
}

/** One partition that this instance owns: the token that proves it, and how far it is done. */
export class PartitionState {
  readonly partition: number
  /** `subscription/run/partition`: the id of its documents. */
  readonly id: string
  /** Version of the fence document. Every commit expects it; a new owner raises it. */
  readonly token: number
  readonly watermark: Watermark
  /** Version of the checkpoint document as last seen; tells whether a commit without an answer was applied. */
  checkpointVersion: number
  /** False once it was revoked or lost: nothing of it starts any more. */
  active = true
  /** True while it is being handed over: what runs may finish, nothing new starts. */
  draining = false
  /** The progress that was last written, and the one on its way: more may be looked at while it is. */
  #written: Offset
  #writing: Offset

  constructor(partition: number, id: string, token: number, checkpointVersion: number, progress: Progress) {
    this.partition = partition
    this.id = id
    this.token = token
    this.checkpointVersion = checkpointVersion
    this.watermark = new Watermark(progress)
    this.#written = progress.watermark
    this.#writing = progress.watermark
  }

  get fence(): Expectation {
    return { collection: fencesCollection, id: this.id, version: this.token }
  }

  /** The checkpoint stands as this process has last seen it. */
  get unchanged(): Expectation {
    return { collection: checkpointsCollection, id: this.id, version: this.checkpointVersion }
  }

  /** The checkpoint with everything counted that is marked done by now. */
  checkpoint(): DocumentChange {
    const progress = this.watermark.progress()
    this.#writing = progress.watermark
    return { collection: checkpointsCollection, id: this.id, put: JSON.stringify(progress) }
  }

  /** Call it when the checkpoint has been committed. */
  committed(): void {
    this.checkpointVersion++
    this.#written = this.#writing
    this.watermark.trim()
  }

  /** Whether the watermark has moved since it was last written. */
  get moved(): boolean {
    return this.watermark.progress().watermark > this.#written
  }
}

/**
 * Takes a partition over: raises its token, so that whatever the last owner still commits is refused, and reads how far it got.
 * `start` is where a subscription without a checkpoint begins.
 */
export async function takeOver(
  store: Store,
  id: string,
  partition: number,
  instance: string,
  start: Offset,
): Promise<PartitionState> {
  for (;;) {
    const [fence] = await store.find(fencesCollection, { id })
    const version = fence?.version ?? 0
    const [result] = await store.commit([
      {
        expect: [{ collection: fencesCollection, id, version }],
        documents: [{ collection: fencesCollection, id, put: JSON.stringify({ instance }) }],
      },
    ])
    if (result?.status === 'conflict') continue
    if (result?.status === 'refused') throw result.error
    // Read only after the token is raised: from here on nobody else can move it.
    const [checkpoint] = await store.find(checkpointsCollection, { id })
    const progress =
      checkpoint === undefined ? { watermark: start, done: [] } : (JSON.parse(checkpoint.body) as Progress)
    const marks = await readMarks(store, id)
    const whole = withMarks(progress, marks)
    let checkpointVersion = checkpoint?.version ?? 0
    if (marks.length > 0) {
      // What was parked because the answer of its transaction was lost, or came too late, is handled all the same.
      const marked = new Set(marks.map(offsetOf))
      const handled = (await loadParked(store, id)).filter(({ offset }) => marked.has(offset))
      // The checkpoint takes the marks over, so that they need not be kept any longer.
      const [absorbed] = await store.commit([
        {
          expect: [{ collection: fencesCollection, id, version: version + 1 }],
          documents: [
            { collection: checkpointsCollection, id, put: JSON.stringify(whole) },
            ...marks.map((mark): DocumentChange => ({ collection: marksCollection, id: mark.id, delete: true })),
            ...handled.map(deleteParked),
          ],
        },
      ])
      if (absorbed?.status !== 'committed') continue
      checkpointVersion++
    }
    return new PartitionState(partition, id, version + 1, checkpointVersion, whole)
  }
}

async function readMarks(store: Store, id: string): Promise<readonly StoredDocument[]> {
  const marks: StoredDocument[] = []
  for (;;) {
    const page = await store.find(marksCollection, {
      prefix: `${id}/`,
      ...(marks.length === 0 ? {} : { after: marks.at(-1)?.id as string }),
    })
    marks.push(...page)
    if (page.length < 1_000) return marks
  }
}

function withMarks(progress: Progress, marks: readonly StoredDocument[]): Progress {
  const offsets = marks.map(offsetOf).filter((offset) => offset > progress.watermark)
  if (offsets.length === 0) return progress
  const done = [...progress.done, ...offsets.map((offset) => [offset, offset] as const)].toSorted((a, b) => a[0] - b[0])
  return { watermark: progress.watermark, done }
}

function offsetOf(mark: StoredDocument): Offset {
  return Number(mark.id.slice(mark.id.lastIndexOf('/') + 1))
}

/** Id of the mark of one event handled by a transaction of its own. */
export function markId(partition: PartitionState, offset: Offset): string {
  return `${partition.id}/${String(offset).padStart(16, '0')}`
}
