import { within } from '../kernel/lifecycle.ts'
import { sleep, type Timer } from '../kernel/runtime.ts'
import { Trouble } from '../transport/log/trouble.ts'
import type { Consumer, Delivery, Offset, Sink } from '../transport/transport.ts'
import { InboxCredit } from './inbox-credit.ts'
import type { InboxCounts, InboxHost } from './inbox-host.ts'
import { InboxCheckpoint } from './inbox-place.ts'
import { Intake, type IntakeThen } from './intake.ts'

/** How long a partition that moves away waits for what is under way, in milliseconds. What is not done by then comes again elsewhere. */
const farewell = 10_000
/** How often progress without events is written down, in milliseconds. */
const writeEvery = 5_000
/** How long the broker may take to tell that a partition is somebody else's, in milliseconds. */
const patience = 10_000

/**
 * One membership in a group of the broker, from joining to leaving or to its unforeseen end. All it holds is rebuilt from the store by the
 * next one.
 */
export class InboxTerm implements Sink {
  readonly #host: InboxHost
  readonly #counts: InboxCounts
  readonly #credit: InboxCredit
  readonly #intakes = new Map<number, Intake>()
  readonly #over = new AbortController()
  readonly #trouble: Trouble
  readonly #broken: (cause: Error) => void
  readonly #timers = new Set<Timer>()
  readonly #placing = Promise.withResolvers<void>()
  readonly #gone = Promise.withResolvers<void>()
  readonly #after: Promise<unknown> | undefined
  #consumer: Consumer | undefined
  #closing = false
  #start: 'beginning' | 'end' | undefined
  /** Calls of `assigned` under way. */
  #assigning = 0
  #given = false

  /**
   * @param broken Called once when the membership has ended by itself, or must end.
   * @param after Nothing is stored before it has resolved: who is followed comes first.
   */
  constructor(host: InboxHost, counts: InboxCounts, broken: (cause: Error) => void, after?: Promise<unknown>) {
    this.#host = host
    this.#after = after
    this.#counts = counts
    this.#credit = new InboxCredit(host.settings.window)
    this.#trouble = new Trouble(host, 'the inbox takes partitions over')
    this.#broken = (cause) => {
      if (!this.over) broken(cause)
    }
  }

  get over(): boolean {
    return this.#over.signal.aborted
  }

  get held(): number {
    return this.#credit.held
  }

  get busy(): boolean {
    for (const intake of this.#intakes.values()) if (intake.busy) return true
    return false
  }

  /** Partitions of a log that this instance takes in. */
  get partitions(): readonly number[] {
    return this.#host.transport.capabilities.kind === 'log' ? [...this.#intakes.keys()].sort((a, b) => a - b) : []
  }

  /** Resolves when it is known for good where the first partitions that it was given begin: from then on nothing is missed. */
  get placed(): Promise<void> {
    return this.#placing.promise
  }

  /** Where it reads partitions from that nobody knows an offset of; undefined before it joins. */
  get start(): 'beginning' | 'end' | undefined {
    return this.#start
  }

  /** Whether it was ever given a partition. */
  get given(): boolean {
    return this.#given
  }

  /** Whether it is known for good where each partition begins that it has now. */
  get stands(): boolean {
    return this.#assigning === 0 && this.#allPlaced
  }

  get #allPlaced(): boolean {
    for (const intake of this.#intakes.values()) if (!intake.placed) return false
    return true
  }

  /** Resolves when it has ended, in whatever way: it stores nothing more. */
  get gone(): Promise<void> {
    return this.#gone.promise
  }

  /** Resolves once the group knows this member. */
  async join(topics: readonly string[] | undefined, start: 'beginning' | 'end'): Promise<void> {
    const { transport, settings } = this.#host
    this.#start = start
    const consumer = await transport.subscribe(
      {
        group: settings.group,
        ...(topics === undefined ? {} : { topics }),
        start,
        store: this.#host.identity,
      },
      this,
    )
    this.#consumer = consumer
    if (this.over) {
      await consumer.close()
      return
    }
    this.#request()
    this.#tick()
  }

  /** Leaves the group. Resolves when nothing is under way any more, or after `deadline` milliseconds. Idempotent. */
  async close(deadline: number): Promise<void> {
    if (this.over) return
    this.#closing = true
    await within(this.#host.runtime, deadline, Promise.race([this.#leave(), this.gone])).catch(() => false)
    this.end()
  }

  async #leave(): Promise<void> {
    // What nobody repeats is taken in for as long as it comes.
    if (this.#host.transport.capabilities.kind === 'fanout') await this.#consumer?.close().catch(() => {})
    // The consumer hands its partitions over by `revoked`, which waits for each; some queues have none.
    await Promise.all([this.#consumer?.close(), ...[...this.#intakes.values()].map((intake) => intake.stop())])
  }

  /** Forgets everything at once. Idempotent. */
  end(): void {
    this.#over.abort()
    for (const timer of this.#timers) timer.cancel()
    for (const intake of this.#intakes.values()) intake.abandon()
    this.#intakes.clear()
    this.#gone.resolve()
  }

  async assigned(partitions: readonly number[]): Promise<readonly Offset[]> {
    this.#given ||= partitions.length > 0
    this.#assigning++
    try {
      return await this.#takeOver(partitions)
    } finally {
      this.#assigning--
    }
  }

  async #takeOver(partitions: readonly number[]): Promise<readonly Offset[]> {
    const { store, runtime, settings, transport } = this.#host
    if (transport.capabilities.kind !== 'log') {
      // Their broker keeps what was done, and their offsets mean nothing to the next member.
      for (const partition of partitions) this.#forget(partition)
      return partitions.map(() => -1)
    }
    const { name: broker, log } = transport.capabilities
    const signed = { owner: runtime.id(), broker, ...(log !== undefined && { log }) }
    for (;;) {
      try {
        const checkpoints = await Promise.all(
          partitions.map((partition) => InboxCheckpoint.takeOver(store, settings.group, partition, signed)),
        )
        this.#trouble.passed()
        const anew = partitions.filter((_, at) => checkpoints[at]?.anew === true)
        if (anew.length > 0)
          this.#host.log('warn', "The broker's log was made anew: the inbox begins with it as a new group does", {
            group: settings.group,
            partitions: anew,
          })
        for (const [at, partition] of partitions.entries()) {
          this.#forget(partition)
          if (!this.over) this.#intakes.set(partition, this.#intake(partition, checkpoints[at]))
        }
        this.#look()
        return checkpoints.map(({ place }) => place.offset)
      } catch (error) {
        await sleep(runtime, this.#trouble.failed(error), this.#over.signal)
      }
    }
  }

  async revoked(partitions: readonly number[]): Promise<void> {
    const leaving = partitions.flatMap((partition) => this.#intakes.get(partition)?.stop() ?? [])
    await within(this.#host.runtime, farewell, Promise.all(leaving)).catch(() => false)
    this.lost(partitions)
  }

  lost(partitions: readonly number[]): void {
    for (const partition of partitions) this.#forget(partition)
    this.#request()
    this.#host.progressed()
  }

  deliver(deliveries: readonly Delivery[]): void {
    const { kind } = this.#host.transport.capabilities
    // Queues have no checkpoint that is taken over first.
    const isOpen = !this.over && (kind === 'fanout' || (kind === 'queue' && !this.#closing))
    for (const delivery of deliveries) {
      const { partition, record, raw } = delivery
      this.#credit.arrived(record?.data.length ?? raw?.byteLength ?? 0)
      let intake = this.#intakes.get(partition)
      if (intake === undefined && isOpen) this.#intakes.set(partition, (intake = this.#intake(partition, undefined)))
      if (intake?.deliver(delivery) !== true) this.#credit.released(1)
    }
    this.#request()
  }

  scanned(partition: number, offset: Offset): void {
    this.#intakes.get(partition)?.scanned(offset)
  }

  ended(cause: Error): void {
    this.#broken(cause)
  }

  #intake(partition: number, checkpoint: InboxCheckpoint | undefined): Intake {
    const { kind } = this.#host.transport.capabilities
    const then: IntakeThen = {
      taken: (deliveries) => {
        this.#credit.released(deliveries.length)
        if (checkpoint !== undefined) this.#consumer?.done(partition, checkpoint.place.offset)
        else if (kind === 'queue') for (const delivery of deliveries) this.#consumer?.settle(delivery, 'done')
        this.#look()
        this.#request()
        this.#host.progressed()
      },
      fenced: () => this.#fenced(partition, intake),
    }
    const intake = new Intake(this.#host, checkpoint, this.#counts, then, this.#after)
    return intake
  }

  #look(): void {
    if (this.#intakes.size > 0 && this.#allPlaced) this.#placing.resolve()
  }

  /**
   * Somebody has taken the partition over: where the document has only moved on under our own name, the intake has gone on already. The broker says so
   * soon; where it does not, the group is joined anew. It is not taken back at once: only the broker knows whose it is, two who both believe it theirs
   * would take it from each other, and what was dropped here comes again only to a new member.
   */
  #fenced(partition: number, intake: Intake): void {
    // What it held must not count against the partitions that stay.
    this.#credit.released(intake.abandon())
    this.#request()
    this.#host.log('warn', 'A partition of the broker has moved to another instance', {
      group: this.#host.settings.group,
      partition,
    })
    this.#later(patience, () => {
      if (this.#intakes.get(partition) === intake)
        this.#broken(new Error(`Partition ${partition} is taken in by another instance`))
    })
  }

  #forget(partition: number): void {
    const intake = this.#intakes.get(partition)
    if (intake === undefined) return
    this.#intakes.delete(partition)
    this.#credit.released(intake.abandon())
  }

  #request(): void {
    if (this.over || this.#closing || this.#consumer === undefined) return
    const wanted = this.#credit.ask()
    if (wanted > 0) this.#consumer.request(wanted)
  }

  #tick(): void {
    this.#later(writeEvery, () => {
      for (const intake of this.#intakes.values()) intake.writeDown()
      this.#tick()
    })
  }

  #later(ms: number, run: () => void): void {
    if (this.over) return
    const timer = this.#host.runtime.setTimer(ms, () => {
      this.#timers.delete(timer)
      run()
    })
    this.#timers.add(timer)
  }
}
