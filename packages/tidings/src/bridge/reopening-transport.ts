import type { EventRecord } from '../events/record.ts'
import { isTidingsError, TidingsError, UnavailableError } from '../kernel/errors.ts'
import type { Timer } from '../kernel/runtime.ts'
import { isUnavailable } from '../resilience/unavailable.ts'
import type { Host } from '../store/adapter.ts'
import type { TransportAdapter } from '../transport/adapter.ts'
import type {
  Consumer,
  Outcome,
  Sink,
  SubscribeOptions,
  Transport,
  TransportCapabilities,
} from '../transport/transport.ts'

/** First and longest wait between two attempts to open, in milliseconds. */
const shortest = 500
const longest = 15_000
/** How long nothing may succeed before the transport is given up and opened anew, in milliseconds: clients mend themselves long before. */
const givesUpAfter = 60_000

/**
 * A transport that can be had before its broker is there, and outlives a client that has given up: it is opened again until it succeeds. Until
 * then nobody knows what becomes of events, and nobody can subscribe.
 *
 * opening ⇄ open, and from each → closed.
 */
export class ReopeningTransport implements Transport {
  readonly #adapter: TransportAdapter
  readonly #host: Host
  readonly #opened: (capabilities: TransportCapabilities) => void
  readonly #sinks = new Map<Consumer, Sink>()
  #transport: Transport | undefined
  #capabilities: TransportCapabilities
  #retry: Timer | undefined
  #attempts = 0
  /** When the first call failed since the last sign of life; undefined: that came last. */
  #failingSince: number | undefined
  #closed = false

  private constructor(adapter: TransportAdapter, host: Host, opened: (capabilities: TransportCapabilities) => void) {
    this.#adapter = adapter
    this.#host = host
    this.#opened = opened
    this.#capabilities = unknown(adapter.name)
  }

  /** Opens it, or begins to. Rejects with what the adapter says, unless that is that the broker is away. */
  static async open(
    adapter: TransportAdapter,
    host: Host,
    opened: (capabilities: TransportCapabilities) => void,
  ): Promise<ReopeningTransport> {
    const made = new ReopeningTransport(adapter, host, opened)
    try {
      made.#use(await adapter.open(host))
    } catch (error) {
      if (!isAway(error)) throw error
      made.#later(error)
    }
    return made
  }

  /** Those of the broker, once it has been there. */
  get capabilities(): TransportCapabilities {
    return this.#capabilities
  }

  async publish(batch: readonly EventRecord[], signal?: AbortSignal): Promise<readonly Outcome[]> {
    const transport = this.#transport
    if (transport === undefined) return batch.map(() => ({ status: 'unknown', error: this.#away() }))
    try {
      const outcomes = await transport.publish(batch, signal)
      this.#told(transport, outcomes.length === 0 || outcomes.some(({ status }) => status !== 'unknown'))
      return outcomes
    } catch (error) {
      this.#told(transport, false)
      throw error
    }
  }

  async subscribe(options: SubscribeOptions, sink: Sink): Promise<Consumer> {
    const transport = this.#transport
    if (transport === undefined) throw this.#away()
    try {
      const consumer = await transport.subscribe(options, this.#heeded(transport, sink))
      this.#told(transport, true)
      if (this.#transport !== transport) {
        await consumer.close()
        throw this.#away()
      }
      return this.#watched(consumer, sink)
    } catch (error) {
      if (isAway(error)) this.#told(transport, false)
      throw error
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#retry?.cancel()
    this.#sinks.clear()
    const transport = this.#transport
    this.#transport = undefined
    await transport?.close()
  }

  /** A consumer that is closed by whoever has it need not be told that its transport is gone. */
  #watched(consumer: Consumer, sink: Sink): Consumer {
    this.#sinks.set(consumer, sink)
    return {
      request: (count) => consumer.request(count),
      done: (partition, offset) => consumer.done(partition, offset),
      settle: (delivery, how) => consumer.settle(delivery, how),
      seek: (partition, offset) => consumer.seek(partition, offset),
      close: () => {
        this.#sinks.delete(consumer)
        return consumer.close()
      },
    }
  }

  /** What a consumer tells is a sign of life, too: one that works on must not be ended because nothing can be published. */
  #heeded(transport: Transport, sink: Sink): Sink {
    return {
      assigned: (partitions) => {
        this.#told(transport, true)
        return sink.assigned(partitions)
      },
      revoked: (partitions) => sink.revoked(partitions),
      lost: (partitions) => sink.lost(partitions),
      deliver: (deliveries) => {
        this.#told(transport, true)
        sink.deliver(deliveries)
      },
      scanned: (partition, offset) => {
        this.#told(transport, true)
        sink.scanned(partition, offset)
      },
      ended: (cause) => sink.ended(cause),
    }
  }

  #told(transport: Transport, well: boolean): void {
    if (this.#transport !== transport) return
    const now = this.#host.runtime.monotonic()
    if (well) this.#failingSince = undefined
    else if (this.#failingSince === undefined) this.#failingSince = now
    else if (now - this.#failingSince >= givesUpAfter) this.#giveUp(transport)
  }

  #giveUp(transport: Transport): void {
    const cause = new UnavailableError(`The broker ${this.#adapter.name} has not answered for long; it is opened anew`)
    this.#transport = undefined
    const sinks = [...this.#sinks.values()]
    this.#sinks.clear()
    for (const sink of sinks) sink.ended(cause)
    void transport.close().catch(() => {})
    this.#later(cause)
  }

  #use(transport: Transport): void {
    this.#transport = transport
    this.#capabilities = transport.capabilities
    this.#attempts = 0
    this.#failingSince = undefined
    this.#opened(transport.capabilities)
  }

  #later(cause: unknown): void {
    const { log, runtime } = this.#host
    const wait = Math.min(longest, shortest * 2 ** Math.min(this.#attempts, 10)) * (0.5 + runtime.random() / 2)
    if (this.#attempts++ === 0)
      log('error', 'The broker is away; events wait in the store until it is there', {
        broker: this.#adapter.name,
        error: cause instanceof Error ? cause.message : 'It threw something that is no error',
      })
    this.#retry = runtime.setTimer(wait, () => void this.#again())
  }

  async #again(): Promise<void> {
    try {
      const transport = await this.#adapter.open(this.#host)
      if (this.#closed) await transport.close()
      else this.#use(transport)
    } catch (error) {
      // What could never be opened is a mistake that somebody may mend at the broker meanwhile.
      if (!this.#closed) this.#later(error)
    }
  }

  #away(): Error {
    return this.#closed
      ? new TidingsError('TIDINGS_CLOSED', 'The transport is closed.')
      : new UnavailableError(`The broker ${this.#adapter.name} is away`)
  }
}

function isAway(error: unknown): boolean {
  return isUnavailable(error) || isTidingsError(error, 'TIDINGS_BROKER_UNAVAILABLE')
}

/** What is assumed of a broker that nobody has seen yet: nothing that anybody could rely on. */
function unknown(name: string): TransportCapabilities {
  return Object.freeze({
    name,
    kind: 'queue',
    durability: 'memory',
    groups: true,
    ordering: 'none',
    redelivery: true,
    replay: false,
    maxBytes: 0,
    partitions: 1,
  })
}
