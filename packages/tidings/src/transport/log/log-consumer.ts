import { TidingsError } from '../../kernel/errors.ts'
import { sleep } from '../../kernel/runtime.ts'
import type { Host } from '../../store/adapter.ts'
import type { Consumer, Delivery, Offset, Sink, SubscribeOptions } from '../transport.ts'
import type { Member, Membership } from './membership.ts'
import type { Reading } from './reading.ts'
import { SinkCalls } from './sink-calls.ts'
import { Trouble } from './trouble.ts'

export interface LogConsumerOptions {
  readonly host: Host
  readonly partitions: number
  readonly subscribe: SubscribeOptions
  readonly sink: Sink
  readonly membership: Membership
  readonly reading: (failed: (cause: Error) => void) => Reading
  readonly closed: (consumer: LogConsumer) => void
}

/** `assigning`: the sink is being asked where to begin. `leaving`: the sink was told to finish, or is about to be. */
type Stage = 'assigning' | 'reading' | 'leaving'

/**
 * A member of a group: brings together what the membership says it owns, what its sink has been told, and what is read.
 * Open, then closing (the sink is drained, the partitions freed), then closed; or ended, when the store is gone.
 */
export class LogConsumer implements Consumer, Member {
  readonly group: string
  readonly exclusive: boolean
  readonly #options: LogConsumerOptions
  readonly #reading: Reading
  readonly #calls = new SinkCalls()
  readonly #stages = new Map<number, Stage>()
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

  done(): void {
    // The engine keeps its own checkpoints in the store; nobody else asks.
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
    if (!this.#open || this.#stages.get(partition) !== 'reading') return
    this.#reading.drop(partition)
    this.#reading.start([partition], [offset])
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#stop.abort()
    this.#reading.stop()
    const { membership, closed } = this.#options
    await this.giveUp([...this.#stages.keys()])
    await this.#calls.ended()
    await membership.leave(this.group)
    closed(this)
  }

  get #open(): boolean {
    return this.#closing === undefined && !this.#ended
  }

  // What the membership says.

  take(partitions: readonly number[]): void {
    if (!this.#open) return
    for (const partition of partitions) this.#stages.set(partition, 'assigning')
    void this.#call(() => this.#assign(partitions))
  }

  async giveUp(partitions: readonly number[]): Promise<void> {
    for (const partition of partitions) {
      this.#stages.set(partition, 'leaving')
      this.#reading.drop(partition)
    }
    await this.#call(async () => {
      const told = partitions.filter((partition) => this.#told.delete(partition))
      if (told.length > 0 && !this.#ended) await this.#options.sink.revoked(told)
    })
    for (const partition of partitions) if (this.#stages.get(partition) === 'leaving') this.#stages.delete(partition)
  }

  lose(partitions: readonly number[]): void {
    const reading = partitions.filter((partition) => this.#stages.get(partition) !== 'leaving')
    for (const partition of reading) {
      this.#stages.delete(partition)
      this.#reading.drop(partition)
    }
    void this.#call(() => {
      const told = reading.filter((partition) => this.#told.delete(partition))
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

  async #assign(partitions: readonly number[]): Promise<void> {
    for (;;) {
      const wanted = partitions.filter((partition) => this.#stages.get(partition) === 'assigning')
      if (wanted.length === 0 || !this.#open) return
      try {
        const offsets = await this.#options.sink.assigned(wanted)
        if (offsets.length !== wanted.length || !offsets.every(isOffset))
          throw invalid('offsets', 'a whole number from 0 for each partition')
        this.#trouble.passed()
        for (const partition of wanted) this.#told.add(partition)
        const begin = wanted
          .map((partition, at) => [partition, offsets[at] as Offset] as const)
          .filter(([partition]) => this.#stages.get(partition) === 'assigning')
        for (const [partition] of begin) this.#stages.set(partition, 'reading')
        this.#reading.start(
          begin.map(([partition]) => partition),
          begin.map(([, offset]) => offset),
        )
        return
      } catch (error) {
        await sleep(this.#options.host.runtime, this.#trouble.failed(error), this.#stop.signal).catch(() => {})
      }
    }
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
