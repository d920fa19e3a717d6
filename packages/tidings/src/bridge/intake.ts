import { TidingsError } from '../kernel/errors.ts'
import { sleep } from '../kernel/runtime.ts'
import type { CommitResult, DocumentChange, Unit } from '../store/store.ts'
import { Trouble } from '../transport/log/trouble.ts'
import type { Delivery, Offset } from '../transport/transport.ts'
import type { InboxCounts, InboxHost } from './inbox-host.ts'
import { type InboxCheckpoint, type InboxPlace, nowhere } from './inbox-place.ts'
import { halvesOf, type Part } from './intake-part.ts'
import { deadLetter, siftDeliveries } from './sift-deliveries.ts'
import { travelling } from './travelling.ts'

export interface IntakeThen {
  /** These are stored, or need not be. */
  taken(deliveries: readonly Delivery[]): void
  /** Another instance has taken the partition over: it is to be abandoned. */
  fenced(): void
}

/** Most bytes of data in one unit; a single event may be larger. */
const mostBytes = 8_388_608

/**
 * Takes the deliveries of one partition, or of a queue, into the store: in order, many in one unit, which for a log holds how far it got.
 * While the store is away it tries again with the same, for ever; it never holds more than it was given.
 *
 * It is active until it is told to stop (what is under way may end, nothing more is taken) or abandoned (what is under way counts for nothing).
 */
export class Intake {
  readonly #host: InboxHost
  readonly #checkpoint: InboxCheckpoint | undefined
  readonly #then: IntakeThen
  readonly #begin: Promise<unknown>
  readonly #counts: InboxCounts
  readonly #trouble: Trouble
  readonly #over = new AbortController()
  #queue: Delivery[] = []
  /** The last offset that was delivered; an older one has been. */
  #delivered: Offset
  /** Up to here everything was delivered or is of no interest. */
  #scanned: Offset
  /** Nothing was delivered yet. */
  #untouched = true
  #work: Promise<void> | undefined
  #stopping = false
  #held = 0
  #lastDead = 0

  /**
   * @param checkpoint How far the partition is; undefined for queues, whose broker keeps that.
   * @param begin Nothing is stored before it has resolved.
   */
  constructor(
    host: InboxHost,
    checkpoint: InboxCheckpoint | undefined,
    counts: InboxCounts,
    then: IntakeThen,
    begin: Promise<unknown> = Promise.resolve(),
  ) {
    this.#host = host
    this.#checkpoint = checkpoint
    this.#counts = counts
    this.#then = then
    this.#begin = begin
    this.#trouble = new Trouble(host, 'the inbox takes events in')
    this.#delivered = checkpoint?.place.offset ?? -1
    this.#scanned = this.#delivered
  }

  get active(): boolean {
    return !this.#over.signal.aborted
  }

  /** Whether something waits or is under way. */
  get busy(): boolean {
    return this.#work !== undefined
  }

  /** Whether it is known for good where the group has begun. */
  get placed(): boolean {
    return this.#checkpoint === undefined || this.#checkpoint.place.offset >= 0
  }

  /** False: it is not taken in here, and nobody will hear of it again. */
  deliver(delivery: Delivery): boolean {
    if (!this.active || this.#stopping) return false
    this.#held++
    this.#untouched = false
    if (this.#checkpoint !== undefined) {
      if (delivery.offset <= this.#delivered) {
        this.#taken([delivery])
        return true
      }
      this.#delivered = delivery.offset
    }
    this.#queue.push(delivery)
    this.#start()
    return true
  }

  /** Everything up to here was delivered or is of no interest. Below the place that was answered, before anything was delivered: reading begins here. */
  scanned(offset: Offset): void {
    if (this.#stopping) return
    const before = this.#checkpoint?.place.offset ?? -1
    if (this.#untouched && offset < before) {
      // Somebody has made the partition anew: what it holds now has offsets that were others' before.
      this.#delivered = offset
      this.#scanned = offset
      this.#start()
      return
    }
    if (offset > this.#scanned) this.#scanned = offset
    // Where the group begins must be known before anything is missed.
    if (before === -1) this.#start()
  }

  /** Writes down how far it is, where that has moved without an event. */
  writeDown(): void {
    if (this.#checkpoint !== undefined && this.#scanned > this.#checkpoint.place.offset) this.#start()
  }

  /**
   * Begins nothing new and takes nothing more: how far the partition is must not pass over what is dropped here. What a broker would never
   * repeat is not dropped but stored. Resolves when what is under way has ended.
   */
  async stop(): Promise<void> {
    this.#stopping = true
    if (this.#host.transport.capabilities.kind !== 'fanout') this.#queue = []
    await this.#work
    this.#over.abort()
  }

  /** Ends at once. Returns how many deliveries are held no longer by that. */
  abandon(): number {
    const held = this.#held
    this.#held = 0
    this.#queue = []
    this.#over.abort()
    return held
  }

  #start(): void {
    if (this.#stopping) return
    this.#work ??= this.#run().finally(() => {
      this.#work = undefined
      // What came while the last of it was ending.
      if (this.#queue.length > 0) this.#start()
    })
  }

  async #run(): Promise<void> {
    // All deliveries of one call travel together.
    await this.#begin
    if (this.#stopping && this.#queue.length === 0) return
    do {
      const batch = this.#take()
      const part = await this.#sift(batch)
      if (part !== undefined) await this.#write(part)
      if (!this.active) return
      this.#taken(batch)
    } while (this.#queue.length > 0)
  }

  #taken(deliveries: readonly Delivery[]): void {
    this.#held -= deliveries.length
    this.#then.taken(deliveries)
  }

  #take(): Delivery[] {
    let bytes = 0
    let count = 0
    for (const { record } of this.#queue) {
      bytes += record?.data.length ?? 0
      if (count === this.#host.settings.batch || (count > 0 && bytes > mostBytes)) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  async #sift(batch: readonly Delivery[]): Promise<Part | undefined> {
    const last = batch.at(-1)?.offset ?? -1
    const through = this.#queue.length === 0 ? Math.max(this.#scanned, last) : last
    while (this.active) {
      try {
        const sifted = await siftDeliveries(this.#host, batch, (delivery) => this.#deadOffset(delivery))
        this.#trouble.passed()
        return { ...sifted, through }
      } catch (error) {
        await this.#wait(error)
      }
    }
    return undefined
  }

  /** Returns when the part is durable, or somebody else's matter. */
  async #write(whole: Part): Promise<void> {
    let part = whole
    /** After a try without an answer, events that stand already may stand by that very try. */
    let doubt = false
    while (this.active) {
      const place = this.#placeAfter(part)
      const unit = this.#unitOf(part, place)
      if (unit === undefined) {
        this.#count(part)
        return
      }
      let result: CommitResult
      try {
        result = await this.#host.committer.commit(unit, 2)
        if (this.#checkpoint?.contradicts(result) === true) {
          if (!(await this.#checkpoint.refresh(this.#host.store))) {
            this.#then.fenced()
            return
          }
          // An earlier try was applied after all.
          if (this.#checkpoint.place.offset >= part.through) {
            this.#count(part)
            return
          }
          continue
        }
      } catch (error) {
        doubt = true
        await this.#wait(error)
        continue
      }
      if (result.status === 'committed' && !result.repeated) {
        this.#trouble.passed()
        this.#checkpoint?.committed(place)
        this.#count(part)
        if (part.append.length > 0)
          void this.#host.stored(
            part.append.map(({ record }) => record),
            result.events,
          )
        return
      }
      if (result.status === 'committed') {
        // All of these stand already. How far it got must be written all the same, and was not.
        const { length } = part.append
        if (doubt) this.#counts.received += length
        part = { ...part, append: [], duplicates: part.duplicates + (doubt ? 0 : length) }
      } else if (result.status === 'refused') {
        // Some of these are known, others not, or one of them is beyond what the store can hold.
        const halves = halvesOf(part, this.#checkpoint?.place.offset ?? nowhere.offset)
        if (halves !== undefined) {
          for (const half of halves) await this.#write(half)
          return
        }
        const less = this.#without(part, result.error)
        if (less === undefined) await this.#wait(result.error)
        else part = less
      } else await this.#wait(conflict())
    }
  }

  /** An event that the store refuses by itself becomes a letter, a letter that it refuses is dropped: neither may hold up what follows. */
  #without(part: Part, error: Error): Part | undefined {
    const [delivery] = part.append
    if (delivery !== undefined)
      return { ...part, append: [], dead: [deadLetter(this.#host, delivery, error, this.#deadOffset(delivery))] }
    if (part.dead.length === 0) return undefined
    this.#counts.dead += part.dead.length
    this.#host.log('error', 'The store refuses a delivery of the broker even as a dead letter; it is dropped', {
      group: this.#host.settings.group,
      error: error.message,
    })
    return { ...part, dead: [] }
  }

  #unitOf({ append, dead }: Part, place: InboxPlace): Unit | undefined {
    const checkpoint = this.#checkpoint
    if (checkpoint === undefined && append.length === 0 && dead.length === 0) return undefined
    const documents: readonly DocumentChange[] = checkpoint === undefined ? dead : [...dead, checkpoint.moved(place)]
    return {
      ...(checkpoint === undefined ? {} : { expect: [checkpoint.unchanged] }),
      ...(append.length === 0 ? {} : { append: append.map(({ record }) => travelling(record)) }),
      documents,
    }
  }

  #placeAfter({ append, dead, duplicates, through }: Part): InboxPlace {
    const before = this.#checkpoint?.place ?? nowhere
    const now = this.#host.runtime.now()
    const last = append.at(-1)
    return {
      offset: through,
      received: before.received + append.length,
      duplicates: before.duplicates + duplicates,
      dead: before.dead + dead.length,
      lastAt: last === undefined ? before.lastAt : now,
      lastAge: last === undefined ? before.lastAge : Math.max(0, now - last.record.time),
    }
  }

  #count({ append, dead, duplicates }: Part): void {
    this.#counts.received += append.length
    this.#counts.duplicates += duplicates
    this.#counts.dead += dead.length
  }

  async #wait(error: unknown): Promise<void> {
    await sleep(this.#host.runtime, this.#trouble.failed(error), this.#over.signal).catch(() => {})
  }

  /** Queues number their deliveries anew with each connection; dead letters need numbers that do not repeat. */
  #deadOffset(delivery: Delivery): number {
    if (this.#checkpoint !== undefined) return delivery.offset
    this.#lastDead = Math.max(this.#lastDead + 1, this.#host.runtime.now() * 1_000)
    return this.#lastDead
  }
}

function conflict(): Error {
  return new TidingsError('TIDINGS_CONFLICT', 'The store reports a conflict where nothing was expected.')
}
