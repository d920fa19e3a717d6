import type { Delivery, Host, Sink, SinkCalls } from 'tidings/spi'

import { keepBodies, type RawMessage } from '../connection/client-insides.ts'
import type { Link } from '../connection/link.ts'
import { toDelivery } from '../wire/from-message.ts'
import { QueueSession } from './queue-session.ts'

export interface ReaderParts {
  readonly partition: number
  readonly queue: string
  readonly prefetch: number
  readonly link: Link
  readonly host: Host
  readonly sink: Sink
  readonly calls: SinkCalls
  /** There is something to hand over. */
  arrived(): void
  /** It listens no more, though nobody has asked it to stop. */
  broken(): void
}

/**
 * Listens to the queue of one partition, session after session. Of all that listen RabbitMQ serves one; the others stand by. A member learns
 * that it is the one from its first message, and then its sink is told.
 */
export class PartitionReader {
  readonly partition: number
  readonly #parts: ReaderParts
  #session: QueueSession | undefined
  #offset = 0
  /** Opening and stepping back happen one after another. */
  #turn: Promise<void> = Promise.resolve()
  #acknowledging = false

  constructor(parts: ReaderParts) {
    this.#parts = parts
    this.partition = parts.partition
  }

  /** Whether it listens, served or standing by. */
  get open(): boolean {
    return this.#session !== undefined
  }

  /** Whether RabbitMQ serves us. */
  get owned(): boolean {
    return this.#session?.stage === 'owned' || this.#session?.stage === 'assigning'
  }

  get waiting(): number {
    return this.#session?.waiting ?? 0
  }

  get idle(): boolean {
    return this.#session?.idle ?? true
  }

  /** Begins to listen, behind all who do already. Rejects where the broker says no, or is away. */
  listen(): Promise<void> {
    return this.#inTurn(() => this.#listen())
  }

  take(): Delivery | undefined {
    const { partition, host } = this.#parts
    return this.#session?.take((message) => toDelivery(message, partition, ++this.#offset, host.runtime.now()))
  }

  settle(delivery: Delivery, how: 'done' | 'again'): void {
    const session = this.#session
    if (session?.settle(delivery, how) !== true || session.stage === 'leaving') return
    if (session.spent) void this.#startOver(session)
    else this.#acknowledgeSoon(session)
  }

  /** Stops listening: what is handed over is finished first, the rest goes back in its old order. Never rejects. */
  stepBack(): Promise<void> {
    return this.#inTurn(() => this.#stepBack())
  }

  /** As `stepBack`, where the sink is told by somebody else: `leave` marks the session, `left` ends it. */
  leave(): boolean {
    const session = this.#session
    if (session === undefined || session.stage === 'over') return false
    session.stage = 'leaving'
    return session.told
  }

  left(): Promise<void> {
    return this.#inTurn(() => this.#end())
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const run = this.#turn.then(work)
    this.#turn = run.catch(() => {})
    return run
  }

  async #listen(): Promise<void> {
    if (this.#session !== undefined) return
    const { link, queue, prefetch } = this.#parts
    const channel = await link.acquire()
    const session = new QueueSession(channel)
    try {
      keepBodies(channel)
      await channel.basicQos({ prefetchCount: prefetch })
      channel.once('close', () => this.#lost(session))
      channel.on('basic.cancel', () => void channel.close())
      this.#session = session
      await channel.basicConsume({ queue }, (message) => this.#arrive(session, message))
    } catch (error) {
      if (this.#session === session) this.#session = undefined
      session.end()
      await channel.close()
      throw error
    }
  }

  #arrive(session: QueueSession, message: RawMessage): void {
    session.arrive(message)
    if (session.stage === 'listening') void this.#assign(session)
    else if (session.waiting === 1) this.#parts.arrived()
  }

  #assign(session: QueueSession): Promise<void> {
    const { calls, sink, partition, host } = this.#parts
    session.stage = 'assigning'
    return calls.run(
      async () => {
        if (session.stage !== 'assigning') return
        await sink.assigned([partition])
        session.told = true
        if (session.stage !== 'assigning') return
        session.stage = 'owned'
        this.#parts.arrived()
      },
      (error) => {
        host.log('error', 'A partition could not be taken over.', { partition, error })
        void session.channel.close()
      },
    )
  }

  /** The channel has ended by itself: somebody else may be served already. */
  #lost(session: QueueSession): void {
    if (session.stage === 'over') return
    const leaving = session.stage === 'leaving'
    session.end()
    if (this.#session === session) this.#session = undefined
    // Whoever leaves is about to say `revoked`, or has.
    if (leaving) return
    const { calls, sink, partition, host } = this.#parts
    void calls.run(
      () => {
        if (session.told) sink.lost([partition])
      },
      (error) => host.log('error', 'A sink has failed to forget a partition.', { partition, error }),
    )
    this.#parts.broken()
  }

  /** What was given back comes again, with all behind it. */
  async #startOver(session: QueueSession): Promise<void> {
    await this.stepBack()
    // Whatever is given back at once, again and again, need not keep everybody busy.
    if (session.useful) this.#parts.broken()
    else this.#parts.host.runtime.setTimer(idlePause, () => this.#parts.broken())
  }

  async #stepBack(): Promise<void> {
    const session = this.#session
    if (session === undefined || session.stage === 'over') return
    session.stage = 'leaving'
    const { calls, sink, partition, host } = this.#parts
    await calls.run(
      () => (session.told ? sink.revoked([partition]) : undefined),
      (error) => host.log('error', 'A sink has failed to give a partition back.', { partition, error }),
    )
    await this.#end()
  }

  async #end(): Promise<void> {
    const session = this.#session
    if (session === undefined) return
    this.#session = undefined
    session.acknowledge()
    session.end()
    await session.channel.close()
  }

  /** Many acknowledgements of one turn become one. */
  #acknowledgeSoon(session: QueueSession): void {
    if (this.#acknowledging) return
    this.#acknowledging = true
    this.#parts.host.runtime.defer(() => {
      this.#acknowledging = false
      session.acknowledge()
    })
  }
}

/** Before a queue is listened to again whose deliveries all came back, in milliseconds. */
const idlePause = 50
