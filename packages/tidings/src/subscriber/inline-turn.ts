import type { Runtime } from '../kernel/runtime.ts'
import { parseStream, type Store, type StoredEvent } from '../store/store.ts'
import type { Offset } from '../transport/transport.ts'
import { type InlinePromise, inlineCollection, inlineId } from './inline-promise.ts'
import { parkedCollection, readParked } from './parked-event.ts'
import { checkpointsCollection } from './partition-state.ts'
import { runName, type Subscription } from './subscription.ts'
import type { Progress } from './watermark.ts'

/**
 * What stands before an event in its lane. `done`: everything is handled. `pending`: a publisher is at an earlier one this very moment.
 * `queued`: an earlier one is the queue's (it has failed, is parked, or never had a publisher), so whoever comes after it goes there, too.
 */
export type Standing = 'done' | 'pending' | 'queued'

/** Where an event stands, or will stand: one that is not in the log yet lies behind every position. */
export type Place = Pick<StoredEvent, 'stream' | 'streamVersion' | 'partition' | 'position'>

/** Most streams whose last handled version is remembered, so that most turns are known without a look into the store. */
const remembered = 10_000

/** Events looked at in one read, on the way back to the one that was handled before. */
const page = 50

/** Most events of a sequential subscription that are looked through for the last one before; beyond, the queue is far behind anyway. */
const furthest = 500

/** Whose turn it is among the publishers and the queue of one inline subscription, as its durable store tells. */
export class InlineTurn {
  readonly #store: Store
  readonly #runtime: Runtime
  readonly #subscription: Subscription
  readonly #start: Offset
  readonly #known = new Map<string, number>()

  /** @param start The subscription hears what lies after this position. */
  constructor(store: Store, runtime: Runtime, subscription: Subscription, start: Offset) {
    this.#store = store
    this.#runtime = runtime
    this.#subscription = subscription
    this.#start = start
  }

  /** Nothing but the last event before this one need be looked at: it was handled in its turn, too. */
  before(stored: Place): Standing | Promise<Standing> {
    const { stream, streamVersion } = stored
    if (this.#subscription.settings.order === 'stream') {
      if (streamVersion === 1 || this.#known.get(stream) === streamVersion - 1) return 'done'
    }
    return this.#look(stored)
  }

  /** This process has handled it, durably. */
  handled({ stream, streamVersion }: Pick<Place, 'stream' | 'streamVersion'>): void {
    // To the back, so that the streams that are at rest are forgotten first.
    this.#known.delete(stream)
    this.#known.set(stream, streamVersion)
    if (this.#known.size > remembered) this.#known.delete(this.#known.keys().next().value as string)
  }

  async #look(stored: Place): Promise<Standing> {
    const sequential = this.#subscription.settings.order === 'all'
    const progress = await this.#progress(sequential ? undefined : stored.partition)
    const last = sequential ? await this.#lastOfAll(stored, progress) : await this.#lastOfStream(stored, progress)
    if (last === 'far') return 'queued'
    if (last !== undefined && !isDone(progress(last.partition), last.position)) {
      const [document] = await this.#store.find(inlineCollection, { id: inlineId(this.#subscription, last.record) })
      if (document === undefined) return 'queued'
      const promise = JSON.parse(document.body) as InlinePromise
      if (promise.state === 'done') return 'done'
      return promise.until > this.#runtime.now() ? 'pending' : 'queued'
    }
    // What a checkpoint calls done may be parked. That is read after the checkpoint, for one commit writes both.
    return (await this.#isBlocked(stored)) ? 'queued' : 'done'
  }

  /** How far the partitions are: one, or all. */
  async #progress(partition: number | undefined): Promise<(partition: number) => Progress> {
    const prefix = `${runName(this.#subscription)}/`
    const documents = await this.#store.find(
      checkpointsCollection,
      partition === undefined ? { prefix, limit: 2_000 } : { id: `${prefix}${partition}` },
    )
    const known = new Map(
      documents.map(({ id, body }) => [Number(id.slice(prefix.length)), JSON.parse(body) as Progress]),
    )
    return (one) => known.get(one) ?? { watermark: this.#start, done: [] }
  }

  /** Undefined: none that the watermark has not passed. */
  async #lastOfStream(
    { stream, streamVersion, partition }: Place,
    progress: (partition: number) => Progress,
  ): Promise<StoredEvent | undefined> {
    const name = parseStream(stream)
    for (let from = streamVersion - 1; from >= 1; ) {
      const events = await this.#store.readStream(name, { from, limit: page, reverse: true })
      if (events.length === 0) return undefined
      for (const event of events) {
        if (event.position <= progress(partition).watermark) return undefined
        if (this.#subscription.matches(event.record.type)) return event
        from = event.streamVersion - 1
      }
    }
    return undefined
  }

  async #lastOfAll(
    { position }: Place,
    progress: (partition: number) => Progress,
  ): Promise<StoredEvent | 'far' | undefined> {
    const partitions = Array.from({ length: this.#store.capabilities.partitions }, (_, at) => at)
    const low = Math.min(...partitions.map((partition) => progress(partition).watermark))
    const after = Math.max(low, position - 1 - furthest)
    let last: StoredEvent | undefined
    for (let at = after; at < position - 1; ) {
      const { events, through } = await this.#store.readAll({ after: at, upTo: position - 1, limit: furthest })
      for (const event of events) if (this.#subscription.matches(event.record.type)) last = event
      if (through <= at) break
      at = through
    }
    return last ?? (after === low ? undefined : 'far')
  }

  async #isBlocked({ stream, position }: Place): Promise<boolean> {
    const sequential = this.#subscription.settings.order === 'all'
    const prefix = `${runName(this.#subscription)}/${sequential ? '' : `${stream}/`}`
    for (let after: string | undefined; ; ) {
      const documents = await this.#store.find(parkedCollection, { prefix, ...(after === undefined ? {} : { after }) })
      for (const document of documents) {
        const parked = readParked(document)
        if (parked.blocking && parked.offset < position && (sequential || parked.stream === stream)) return true
      }
      after = documents.at(-1)?.id
      if (after === undefined) return false
    }
  }
}

function isDone({ watermark, done }: Progress, position: Offset): boolean {
  return position <= watermark || done.some(([from, to]) => from <= position && position <= to)
}
