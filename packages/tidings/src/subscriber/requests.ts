import type { Timer } from '../kernel/runtime.ts'
import type { DocumentChange, Expectation, StoredDocument, Unit } from '../store/store.ts'
import type { Offset } from '../transport/transport.ts'
import type { EngineHost } from './engine-host.ts'
import { type ParkedEvent, parkedCollection, readParked } from './parked-event.ts'
import type { Answer } from './parking.ts'
import type { PartitionState } from './partition-state.ts'
import { runName, type Subscription } from './subscription.ts'

export const requestsCollection = 'requests'

/** What an operator, or the breaker, asks of the owner of a partition about a parked event. The owner deletes it in the commit that carries it out. */
export interface ParkedRequest {
  readonly action: 'redrive' | 'drop'
  readonly stream: string
  readonly offset: Offset
  readonly partition: number
  /** Who asked, for the record. */
  readonly by: string
  readonly at: number
}

/** What an operator asks of the owner of a partition about the subscription there: to go on where it has halted. */
export interface ResumeRequest {
  readonly action: 'resume'
  readonly partition: number
  readonly by: string
  readonly at: number
}

/** A unit that asks. `owner` is `subscription/run/partition`; `id` any unique text. */
export function requestUnit(owner: string, id: string, request: ParkedRequest | ResumeRequest): Unit {
  return {
    documents: [
      { collection: requestsCollection, id: `${owner}/${id}`, put: JSON.stringify(request), index: { owner } },
    ],
  }
}

export interface RequestActions {
  owns(partition: number): PartitionState | undefined
  /** Takes a dead letter into memory that held nobody up. False: it is there. */
  recall(partition: PartitionState, parked: ParkedEvent): boolean
  /** False: not now; it is looked at again. */
  redrive(partition: PartitionState, stream: string, offset: Offset, answer: Answer): boolean
  drop(partition: PartitionState, stream: string, offset: Offset, answer: Answer): boolean
  resume(partition: PartitionState, answer: Answer): void
}

/** How often requests are looked for without a hint, in milliseconds. */
const every = 1_000

/** Finds what operators asked of this subscription's partitions and hands it to the engine, one stream at a time. */
export class Requests {
  readonly #host: EngineHost
  readonly #prefix: string
  readonly #actions: RequestActions
  #timer: Timer | undefined
  #looking = false
  #hinted = false
  #closed = false

  constructor(host: EngineHost, subscription: Subscription, actions: RequestActions) {
    this.#host = host
    this.#prefix = `${runName(subscription)}/`
    this.#actions = actions
  }

  get busy(): boolean {
    return this.#looking
  }

  start(): void {
    this.#tick()
  }

  /** Looks now. */
  look(): void {
    if (this.#closed) return
    if (this.#looking) {
      this.#hinted = true
      return
    }
    this.#looking = true
    this.#read().then(
      () => this.#looked(),
      () => this.#looked(),
    )
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  #looked(): void {
    this.#looking = false
    this.#host.progressed()
    if (!this.#hinted) return
    this.#hinted = false
    this.look()
  }

  async #read(): Promise<void> {
    for (let after: string | undefined; ; ) {
      const page = await this.#host.store.find(requestsCollection, {
        prefix: this.#prefix,
        limit: 1_000,
        ...(after === undefined ? {} : { after }),
      })
      for (const document of page) {
        if (this.#closed) return
        await this.#answer(document)
      }
      after = page.at(-1)?.id
      if (page.length < 1_000) return
    }
  }

  async #answer(document: StoredDocument): Promise<void> {
    const request = JSON.parse(document.body) as ParkedRequest | ResumeRequest
    const partition = this.#actions.owns(request.partition)
    if (partition === undefined) return
    // What was read a while ago may be answered by now. The commit will tell.
    const expect: Expectation[] = [{ collection: requestsCollection, id: document.id, version: document.version }]
    const documents: DocumentChange[] = [{ collection: requestsCollection, id: document.id, delete: true }]
    if (request.action === 'resume') {
      this.#actions.resume(partition, { documents, expect, recalled: false })
      return
    }
    const [stored] = await this.#host.store.find(parkedCollection, {
      id: `${this.#prefix}${request.stream}/${String(request.offset).padStart(16, '0')}`,
    })
    // Its partition may have gone meanwhile.
    if (this.#actions.owns(request.partition) !== partition) return
    const parked = stored === undefined ? undefined : readParked(stored)
    const recalled =
      parked !== undefined && !parked.blocking && parked.state === 'dead' && this.#actions.recall(partition, parked)
    if (recalled && stored !== undefined)
      expect.push({ collection: parkedCollection, id: stored.id, version: stored.version })
    const answer: Answer = { documents, expect, recalled }
    // What cannot be done now because its stream is busy is tried again at the next look.
    if (request.action === 'redrive') this.#actions.redrive(partition, request.stream, request.offset, answer)
    else this.#actions.drop(partition, request.stream, request.offset, answer)
  }

  #tick(): void {
    if (this.#closed) return
    this.#timer = this.#host.runtime.setTimer(every, () => {
      this.look()
      this.#tick()
    })
  }
}
