import type { Timer } from '../../kernel/runtime.ts'
import type { Host } from '../../store/adapter.ts'
import type { CommitResult, StoredDocument, Unit } from '../../store/store.ts'
import type { Delivery, Offset, SubscribeOptions } from '../transport.ts'
import type { GroupDocuments } from './log-groups.ts'

/** Collection of how far groups were told to be done, by `<group>/<partition>`. */
export const progressCollection = 'progress'

/** How long what is done may wait until it is noted, in milliseconds: what a crash repeats. */
const soon = 250
/** The same for members that keep their own place: nobody begins where it says. */
const seldom = 2_000

export interface GroupProgressOptions {
  readonly subscribe: SubscribeOptions
  readonly documents: GroupDocuments
  readonly host: Host
  /** Which log the offsets belong to, where one may be made anew under the same name: notes of another mean nothing. Default: there is but one. */
  readonly log: string | undefined
}

/** One partition in one term of its owner. */
interface Place {
  /** Where reading began. */
  from: Offset
  delivered: Offset
  done: Offset
  scanned: Offset
  noted: Offset
}

/**
 * What a group remembers of how far it is, for members that keep no place of their own. Notes are true whoever writes them and whenever: all that
 * lies at or below was done by the group. So a late note of an old owner may at worst turn the place back, and repeat events.
 */
export class GroupProgress {
  readonly #options: GroupProgressOptions
  readonly #every: number
  readonly #places: (Place | undefined)[] = []
  #timer: Timer | undefined
  #writing: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: GroupProgressOptions) {
    this.#options = options
    this.#every = options.subscribe.store === undefined ? soon : seldom
  }

  /** Whether the member relies on it: it has no place of its own. */
  get asked(): boolean {
    return this.#options.subscribe.store === undefined
  }

  /**
   * Where partitions begin of which their reader knows nothing: where the group is, else at `head`; undefined: at the beginning. A group that began
   * at the end of the log is there for good once this has resolved, whoever goes on. Rejects where the documents cannot be had.
   */
  begin(partitions: readonly number[], head: Offset | undefined): Promise<readonly Offset[]> {
    return Promise.all(partitions.map((partition) => this.#begin(partition, head)))
  }

  async #begin(partition: number, head: Offset | undefined): Promise<Offset> {
    const { subscribe, documents, log } = this.#options
    const id = progressId(subscribe.group, partition)
    for (;;) {
      const [document] = await documents.find(progressCollection, { id })
      const note = document === undefined ? undefined : this.#read(document)
      if (note !== undefined && note.log === log) return note.offset
      // Of a log that was made anew the group has seen nothing yet, wherever it wanted to begin once.
      if (note !== undefined || head === undefined) return 0
      const version = document?.version ?? 0
      const unit = { ...this.#unit(partition, head), expect: [{ collection: progressCollection, id, version }] }
      const [result] = await documents.commit([unit])
      refusal(result)
      if (result?.status === 'committed') return head
    }
  }

  /** Reading of a partition begins after this offset. `noted`: `begin` has found it. */
  started(partition: number, offset: Offset, noted = false): void {
    const at = { from: offset, delivered: offset, done: offset, scanned: offset }
    this.#places[partition] = { ...at, noted: noted ? offset : -1 }
  }

  delivered(deliveries: readonly Delivery[]): void {
    for (const { partition, offset } of deliveries) {
      const place = this.#places[partition]
      if (place !== undefined) place.delivered = offset
    }
  }

  scanned(partition: number, offset: Offset): void {
    const place = this.#places[partition]
    if (place === undefined) return
    // The log ends before where reading should have begun: somebody has made it anew.
    if (offset < place.from) this.started(partition, offset)
    else place.scanned = offset
    this.#arm()
  }

  /** Less than was said before changes nothing. */
  done(partition: number, offset: Offset): void {
    const place = this.#places[partition]
    if (place === undefined || !(offset > place.done)) return
    place.done = offset
    this.#arm()
  }

  /** These are somebody else's. */
  forget(partitions: readonly number[]): void {
    for (const partition of partitions) this.#places[partition] = undefined
  }

  /** Notes how far partitions are that are given up, before anybody else has them. Never rejects. */
  async settle(partitions: readonly number[]): Promise<void> {
    await this.#write()
    this.forget(partitions)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#stopped) return
    this.#timer = this.#options.host.runtime.setTimer(this.#every, () => {
      this.#timer = undefined
      void this.#write()
    })
  }

  /** Never rejects: what could not be noted is noted next time, or done again by whoever goes on. */
  #write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const changed: { place: Place; offset: Offset; unit: Unit }[] = []
      for (const [partition, place] of this.#places.entries()) {
        const offset = place === undefined ? 0 : passedIn(place)
        if (place !== undefined && offset > place.noted)
          changed.push({ place, offset, unit: this.#unit(partition, offset) })
      }
      if (changed.length === 0) return
      try {
        const results = await this.#options.documents.commit(changed.map(({ unit }) => unit))
        for (const [at, { place, offset }] of changed.entries()) {
          refusal(results[at])
          place.noted = offset
        }
      } catch (error) {
        const { host, subscribe } = this.#options
        host.log('debug', 'How far a group is could not be noted; it is tried again.', {
          group: subscribe.group,
          error,
        })
        this.#arm()
      }
    })
    return this.#writing
  }

  #unit(partition: number, offset: Offset): Unit {
    const { subscribe, log } = this.#options
    const put = JSON.stringify({ offset, log })
    return { documents: [{ put, collection: progressCollection, id: progressId(subscribe.group, partition) }] }
  }

  #read(document: StoredDocument): Note | undefined {
    const note = readNote(document.body)
    const { host, subscribe } = this.#options
    if (note === undefined)
      host.log('warn', 'The note of how far a group is cannot be read; it begins as a new one does.', {
        group: subscribe.group,
        note: document.id,
      })
    return note
  }
}

interface Note {
  readonly offset: Offset
  readonly log: string | undefined
}

/** What stands in a document of `progress`; undefined where it cannot be read. */
export function readNote(body: string): Note | undefined {
  try {
    const { offset, log } = JSON.parse(body) as { readonly offset?: unknown; readonly log?: unknown }
    if (!Number.isSafeInteger(offset) || (offset as number) < 0) return undefined
    return { offset: offset as Offset, log: typeof log === 'string' ? log : undefined }
  } catch {
    return undefined
  }
}

function progressId(group: string, partition: number): string {
  return `${group}/${partition}`
}

/** What was looked at and matched nothing counts only once all that was delivered before it is done. */
function passedIn({ delivered, done, scanned }: Place): Offset {
  return done >= delivered ? Math.max(done, scanned) : done
}

function refusal(result: CommitResult | undefined): void {
  if (result?.status === 'refused') throw result.error
}
