import { TidingsError } from '../../kernel/errors.ts'
import { sleep } from '../../kernel/runtime.ts'
import type { Host } from '../../store/adapter.ts'
import type { Consumer, Delivery, Offset, Sink, SubscribeOptions } from '../transport.ts'
import type { GroupProgress } from './group-progress.ts'
import type { Member } from './group-share.ts'
import type { LogReading } from './log-groups.ts'
import type { Membership } from './membership.ts'
import { SinkCalls } from './sink-calls.ts'
import { Trouble } from './trouble.ts'

export interface LogConsumerOptions {
  readonly host: Host
  readonly partitions: number
  readonly subscribe: SubscribeOptions
  readonly sink: Sink
  readonly membership: Membership
  readonly reading: (failed: (cause: Error) => void) => LogReading
  /** The end of the log. */
  readonly head: () => Promise<Offset>
  /** What the group remembers of how far it is, where it does. */
  readonly progress: GroupProgress | undefined
  readonly closed: (consumer: LogConsumer) => void
}

/** One term in which a partition is ours. A partition that is lost and comes back gets a new one. */
interface Term {
  /** `assigning`: the sink is being asked where to begin. `leaving`: the sink was told to finish, or is about to be. */
  stage: 'assigning' | 'reading' | 'leaving'
  /** An offset that was sought while the sink was still being asked; it counts for more than its answer. */
  sought: Offset | undefined
}

/**
 * A member of a group: brings together what the membership says it owns, what its sink has been told, and what is read.
 * Open, then closing (the sink is drained, the partitions freed), then closed; or ended, when the store is gone.
 */
export class LogConsumer implements Consumer, Member {
  readonly group: string
  readonly exclusive: boolean
  readonly store: string | undefined
  readonly #options: LogConsumerOptions
  readonly #reading: LogReading
  readonly #calls = new SinkCalls()
  readonly #terms = new Map<number, Term>()
  /** Partitions that `assigned` has resolved for and that were neither revoked nor lost since. */
  readonly #told = new Set<number>()
  readonly #trouble: Trouble
  readonly #stop = new AbortController()
  readonly #begun = Promise.withResolvers<void>()
  #closing: Promise<void> | undefined
  #ended = false

  constructor(options: LogConsumerOptions) {
    this.#options = options
    this.group = options.subscribe.group
    this.exclusive = options.subscribe.exclusive ?? false
    this.store = options.subscribe.store
    this.#trouble = new Trouble(options.host, 'a consumer asks where its partitions begin')
    this.#reading = options.reading((cause) => this.end(cause))
    void this.#call(() => this.#begun.promise)
  }

  /** Lets the sink hear of its partitions; called when `subscribe` has answered, so that its caller holds the consumer first. */
  begin(): void {
    this.#begun.resolve()
  }

  request(count: number): void {
    if (count !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(count) && count >= 0))
      throw invalid('count', 'a whole number from 0, or Infinity')
    if (this.#open) this.#reading.request(count)
  }

  /** Where no group remembers anything, whoever reads keeps checkpoints of its own, and nobody else asks. */
  done(partition: number, offset: Offset): void {
    if (this.#terms.has(partition)) this.#options.progress?.done(partition, offset)
  }

  settle(_delivery: Delivery): void {
    throw new TidingsError(
      'TIDINGS_NOT_SUPPORTED',
      'A log has no single deliveries to settle; its consumer keeps a place per partition.',
      {
        details: { capability: 'kind' },
      },
    )
  }

  /** Partitions that are not assigned (any more) are left alone. */
  seek(partition: number, offset: Offset): void {
    if (!Number.isInteger(partition) || partition < 0 || partition >= this.#options.partitions)
      throw invalid('partition', 'one of this transport')
    if (!isOffset(offset)) throw invalid('offset', 'a whole number from 0')
    if (!this.#open) return
    const term = this.#terms.get(partition)
    if (term?.stage === 'assigning') term.sought = offset
    if (term?.stage !== 'reading') return
    this.#reading.drop(partition)
    this.#options.progress?.started(partition, offset)
    this.#reading.start([partition], [offset])
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#stop.abort()
    this.#reading.stop()
    const { membership, progress, closed } = this.#options
    await this.giveUp([...this.#terms.keys()])
    await this.#calls.ended()
    progress?.stop()
    await membership.leave(this.group)
    closed(this)
  }

  get #open(): boolean {
    return this.#closing === undefined && !this.#ended
  }

  // What the membership says.

  async take(partitions: readonly number[]): Promise<void> {
    if (!this.#open) return
    const terms = new Map(
      partitions.map((partition): [number, Term] => [partition, { stage: 'assigning', sought: undefined }]),
    )
    for (const [partition, term] of terms) this.#terms.set(partition, term)
    await this.#call(() => this.#assign(terms))
  }

  async giveUp(partitions: readonly number[]): Promise<void> {
    const terms = partitions.map((partition) => [partition, this.#terms.get(partition)] as const)
    for (const [partition, term] of terms) {
      if (term !== undefined) term.stage = 'leaving'
      this.#reading.drop(partition)
    }
    await this.#call(async () => {
      const told = partitions.filter((partition) => this.#told.delete(partition))
      if (told.length > 0 && !this.#ended) await this.#options.sink.revoked(told)
      // Whoever owns them next begins where this says.
      await this.#options.progress?.settle(partitions)
    })
    for (const [partition, term] of terms) if (this.#terms.get(partition) === term) this.#terms.delete(partition)
  }

  lose(partitions: readonly number[]): void {
    // Of those that are leaving, the sink is told enough already.
    const lost = partitions.filter((partition) => this.#terms.get(partition)?.stage !== 'leaving')
    for (const partition of lost) {
      this.#terms.delete(partition)
      this.#reading.drop(partition)
    }
    this.#options.progress?.forget(lost)
    void this.#call(() => {
      const told = lost.filter((partition) => this.#told.delete(partition))
      if (told.length > 0 && !this.#ended) this.#options.sink.lost(told)
    })
  }

  end(cause: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#stop.abort()
    this.#reading.stop()
    if (this.#closing !== undefined) return
    void this.#call(() => this.#options.sink.ended(cause))
    void this.close()
  }

  async #assign(terms: ReadonlyMap<number, Term>): Promise<void> {
    let head: Offset | undefined
    const answers = new Map<number, Offset>()
    const asked = await this.#insist(terms, async (wanted) => {
      head = this.#options.subscribe.start === 'end' ? await this.#options.head() : undefined
      const offsets = await this.#options.sink.assigned(wanted)
      if (offsets.length !== wanted.length || !offsets.every((offset) => offset === -1 || isOffset(offset)))
        throw invalid('offsets', 'a whole number from 0, or -1, for each partition')
      for (const [at, partition] of wanted.entries()) {
        this.#told.add(partition)
        answers.set(partition, offsets[at] as Offset)
      }
    })
    if (!asked) return
    const { progress, sink } = this.#options
    const remembers = progress?.asked === true
    // All begin together, so that who reads in order over all partitions begins with the lowest.
    await this.#insist(terms, async (wanted) => {
      const unknown = wanted.filter((partition) => answers.get(partition) === -1)
      const places = remembers ? await progress.begin(unknown, head) : unknown.map(() => head ?? 0)
      const found = new Map(unknown.map((partition, at) => [partition, places[at] as Offset]))
      for (const [partition, place] of await this.#madeAnew(wanted, answers)) found.set(partition, place)
      const begun = [...terms].filter(([partition, term]) => this.#assigning(partition, term))
      const offsets = begun.map(
        ([partition, { sought }]) => sought ?? found.get(partition) ?? answers.get(partition) ?? 0,
      )
      for (const [at, [partition, term]] of begun.entries()) {
        term.stage = 'reading'
        progress?.started(partition, offsets[at] as Offset, remembers && found.get(partition) === offsets[at])
      }
      const partitions = begun.map(([partition]) => partition)
      this.#reading.start(partitions, offsets)
      for (const [at, partition] of partitions.entries())
        if (found.has(partition)) sink.scanned(partition, offsets[at] as Offset)
    })
  }

  /**
   * Where partitions begin whose log ends before the place that was answered. Only who keeps its places elsewhere can be ahead of a log; others
   * keep them in the very store that the log is in.
   */
  async #madeAnew(
    wanted: readonly number[],
    answers: ReadonlyMap<number, Offset>,
  ): Promise<readonly (readonly [number, Offset])[]> {
    const { subscribe, host } = this.#options
    if (this.store === undefined || wanted.every((partition) => (answers.get(partition) ?? 0) <= 0)) return []
    const end = await this.#options.head()
    const beyond = wanted.filter((partition) => (answers.get(partition) ?? 0) > end)
    if (beyond.length === 0) return []
    const start = subscribe.start ?? 'beginning'
    host.log(
      'warn',
      'A log ends before the place that its group had come to: it was made anew, and the group begins.',
      {
        group: this.group,
        partitions: beyond,
        end,
        start,
      },
    )
    return beyond.map((partition) => [partition, start === 'end' ? end : 0])
  }

  /** Tries until it succeeds, or none of these terms is being assigned any more; then false. */
  async #insist(
    terms: ReadonlyMap<number, Term>,
    attempt: (partitions: readonly number[]) => Promise<void>,
  ): Promise<boolean> {
    for (;;) {
      const wanted = [...terms].flatMap(([partition, term]) => (this.#assigning(partition, term) ? [partition] : []))
      if (wanted.length === 0 || !this.#open) return false
      try {
        await attempt(wanted)
        this.#trouble.passed()
        return true
      } catch (error) {
        await sleep(this.#options.host.runtime, this.#trouble.failed(error), this.#stop.signal).catch(() => {})
      }
    }
  }

  #assigning(partition: number, term: Term): boolean {
    return term.stage === 'assigning' && this.#terms.get(partition) === term
  }

  #call(call: () => Promise<void> | void): Promise<void> {
    return this.#calls.run(call, (error) =>
      this.#options.host.log('error', 'A consumer failed in a call of its transport.', { group: this.group, error }),
    )
  }
}

function isOffset(offset: unknown): boolean {
  return Number.isSafeInteger(offset) && (offset as number) >= 0
}

function invalid(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` to be ${rule}.`, { details: { field } })
}
