import type { EventRecord } from '../events/record.ts'
import { TidingsError, UnavailableError } from '../kernel/errors.ts'
import { Ring } from '../kernel/ring.ts'
import type { Runtime, Timer } from '../kernel/runtime.ts'
import type { Outcome, Transport } from '../transport/transport.ts'
import { travelling } from './travelling.ts'

export interface OutgoingOptions {
  readonly transport: Transport
  readonly runtime: Runtime
  /** Most events of one call. */
  readonly batch: number
  /** Most bytes of data of one call; an event that is larger travels alone. */
  readonly batchBytes: number
  /** Most calls under way at once. */
  readonly flights: number
  /** How long one call may take before it is given up, in milliseconds. */
  readonly patience: number
  /** Called for each event before it leaves: it may come back before the call that sent it has its answer. */
  readonly leaving: (record: EventRecord) => void
  /** Called for each event that the broker has. */
  readonly handed: (record: EventRecord) => void
}

interface Waiting {
  readonly record: EventRecord
  readonly stored: () => void
  readonly failed: (error: Error) => void
}

/** How long a call that was told to end may take to do so, in milliseconds. */
const farewell = 1_000

/**
 * Hands events to a transport, many in one call: what is ready leaves at once, and what becomes ready meanwhile travels in the next call.
 * Whoever sends must not send two events of one stream at a time; then several calls may be under way and order still holds.
 */
export class Outgoing {
  readonly #options: OutgoingOptions
  readonly #waiting = new Ring<Waiting>()
  readonly #ending = new AbortController()
  #flying = 0
  #scheduled = false

  constructor(options: OutgoingOptions) {
    this.#options = options
  }

  /** Events that wait for a call. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Calls under way. */
  get flying(): number {
    return this.#flying
  }

  /**
   * Resolves when the broker has the event. Rejects with `UnavailableError` where nobody knows whether it has, and with
   * `TIDINGS_RELAY_REFUSED`, which is permanent, where it never will.
   */
  send(record: EventRecord): Promise<void> {
    if (this.#ending.signal.aborted) return Promise.reject(closed())
    return new Promise((stored, failed) => {
      this.#waiting.push({ record, stored, failed })
      if (this.#scheduled || this.#flying >= this.#options.flights) return
      this.#scheduled = true
      // At the end of this turn, so that everything which became ready in it travels together.
      queueMicrotask(this.#leave)
    })
  }

  /** What waits or flies is given up. Idempotent. */
  close(): void {
    this.#ending.abort(closed())
    this.#failWaiting(closed())
  }

  readonly #leave = (): void => {
    this.#scheduled = false
    while (this.#waiting.size > 0 && this.#flying < this.#options.flights) void this.#fly(this.#take())
  }

  #take(): Waiting[] {
    const { batch, batchBytes } = this.#options
    const taken: Waiting[] = []
    let bytes = 0
    for (let next = this.#waiting.peek(); next !== undefined && taken.length < batch; next = this.#waiting.peek()) {
      bytes += next.record.data.length
      if (taken.length > 0 && bytes > batchBytes) break
      taken.push(next)
      this.#waiting.shift()
    }
    return taken
  }

  async #fly(batch: readonly Waiting[]): Promise<void> {
    this.#flying++
    const { transport, leaving, handed } = this.#options
    const records = batch.map(({ record }) => travelling(record))
    for (const record of records) leaving(record)
    const outcomes = await this.#bounded((signal) => transport.publish(records, signal))
    this.#flying--
    let away: Error | undefined
    for (const [at, { record, stored, failed }] of batch.entries()) {
      const outcome = outcomes?.[at] ?? noAnswer
      if (outcome.status === 'stored') {
        handed(record)
        stored()
      } else if (outcome.status === 'refused') failed(new RefusedError(outcome.error))
      else failed((away = unavailable(outcome.error)))
    }
    // Those that wait would meet the same, each after another wait.
    if (away !== undefined) this.#failWaiting(away)
    this.#leave()
  }

  /** The outcomes, or undefined where the call has failed or has not ended in time. */
  #bounded(publish: (signal: AbortSignal) => Promise<readonly Outcome[]>): Promise<readonly Outcome[] | undefined> {
    const { runtime, patience } = this.#options
    const flight = new AbortController()
    return new Promise((resolve) => {
      let timer: Timer | undefined
      const end = (outcomes: readonly Outcome[] | undefined): void => {
        timer?.cancel()
        this.#ending.signal.removeEventListener('abort', giveUp)
        resolve(outcomes)
      }
      const giveUp = (): void => {
        timer?.cancel()
        // A transport answers when its signal aborts; one that does not is not waited for.
        timer = runtime.setTimer(farewell, () => end(undefined))
        flight.abort(new UnavailableError('The broker has not answered in time'))
      }
      timer = runtime.setTimer(patience, giveUp)
      this.#ending.signal.addEventListener('abort', giveUp, { once: true })
      try {
        publish(flight.signal).then(end, (error: unknown) => end(this.#all(error)))
      } catch (error) {
        end(this.#all(error))
      }
    })
  }

  /** A call that throws says nothing about any event. */
  #all(error: unknown): readonly Outcome[] {
    const cause = error instanceof Error ? error : new Error('The transport threw something that is no error')
    return Array.from({ length: this.#options.batch }, () => ({ status: 'unknown', error: cause }) as const)
  }

  #failWaiting(error: Error): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next.failed(error)
  }
}

const noAnswer: Outcome = Object.freeze({
  status: 'unknown',
  error: new Error('The transport has not answered for this event'),
})

/** The broker will never take this event, however often it is asked. */
class RefusedError extends TidingsError {
  readonly permanent = true

  constructor(cause: Error) {
    const code = (cause as { code?: unknown }).code
    super('TIDINGS_RELAY_REFUSED', `The broker refuses this event: ${cause.message}`, {
      cause,
      details: typeof code === 'string' ? { reason: code } : {},
    })
  }
}

function unavailable(cause: Error): UnavailableError {
  const error = new UnavailableError(`The broker did not say that it has the event: ${cause.message}`)
  error.cause = cause
  return error
}

function closed(): TidingsError {
  return new TidingsError('TIDINGS_CLOSED', 'The relay is closed.')
}
