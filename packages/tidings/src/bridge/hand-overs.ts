import type { EventRecord } from '../events/record.ts'
import { TidingsError } from '../kernel/errors.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import type { Receipt } from '../publisher/receipt.ts'
import type { Position, Store, StoredEvent } from '../store/store.ts'
import { type ParkedEvent, parkedCollection, parkedId, readParked } from '../subscriber/parked-event.ts'
import { checkpointsCollection } from '../subscriber/partition-state.ts'
import type { Progress } from '../subscriber/watermark.ts'
import { RecentIds } from './recent-ids.ts'
import { relayName } from './relay.ts'

/** How often the store is asked for what the relay of another process does, in milliseconds. */
const every = 250

/** Ids of events that were handed over and are remembered: their publisher may ask only afterwards. */
const remembered = 65_536

/** Tells when the broker has an event of this service: at once where the relay of this process has sent it, else by what the relays have written down. */
export class HandOvers {
  readonly #store: Store
  readonly #runtime: Runtime
  readonly #done = new RecentIds(remembered)
  readonly #waiting = new Map<string, Set<() => void>>()
  readonly #closing = new AbortController()

  readonly #takes: (record: EventRecord) => boolean

  /** @param takes Whether an event of this service goes to the broker at all. */
  constructor(store: Store, runtime: Runtime, takes: (record: EventRecord) => boolean) {
    this.#store = store
    this.#runtime = runtime
    this.#takes = takes
  }

  /** The broker has it. */
  done(id: string): void {
    this.#done.add(id)
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.#waiting.delete(id)
    for (const wake of waiting) wake()
  }

  /**
   * Resolves when the broker has the event, or it is not to go there. Rejects with `TIDINGS_RELAY_REFUSED` where the broker will not have it,
   * and with `TIDINGS_DEADLINE` after `deadline` milliseconds: it is stored, and the relay goes on.
   */
  async wait({ id, position }: Pick<Receipt, 'id' | 'position'>, deadline: number): Promise<void> {
    const until = this.#runtime.monotonic() + deadline
    let stored: StoredEvent | undefined
    while (!this.#done.has(id)) {
      const left = until - this.#runtime.monotonic()
      if (left <= 0) throw tooLate(id, deadline)
      await this.#sleep(id, Math.min(every, left))
      if (this.#done.has(id)) return
      try {
        stored ??= (await this.#store.readAll({ after: position - 1, upTo: position, limit: 1 })).events[0]
        // What retention has removed was passed by the relay before.
        if (stored === undefined || !this.#takes(stored.record) || (await this.#isPassed(stored))) return
      } catch (error) {
        if (error instanceof TidingsError && error.code === 'TIDINGS_RELAY_REFUSED') throw error
        // The store is away, and will tell later.
      }
    }
  }

  close(): void {
    this.#closing.abort(new TidingsError('TIDINGS_CLOSED', 'The event bus is closed.'))
  }

  async #isPassed({ position, partition, stream }: StoredEvent): Promise<boolean> {
    const [checkpoint] = await this.#store.find(checkpointsCollection, { id: `${relayName}/0/${partition}` })
    if (checkpoint === undefined || !isDone(JSON.parse(checkpoint.body) as Progress, position)) return false
    // It is done with as soon as it is parked.
    const id = parkedId({ subscription: relayName, run: 0, stream, offset: position })
    const [parked] = (await this.#store.find(parkedCollection, { id })).map(readParked)
    if (parked?.state === 'dead') throw refused(parked)
    return parked === undefined
  }

  /** Until the event is handed over here, or for `ms`. */
  async #sleep(id: string, ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    let waiting = this.#waiting.get(id)
    if (waiting === undefined) this.#waiting.set(id, (waiting = new Set()))
    waiting.add(resolve)
    const over = new AbortController()
    try {
      await Promise.race([promise, sleep(this.#runtime, ms, AbortSignal.any([over.signal, this.#closing.signal]))])
    } finally {
      over.abort()
      waiting.delete(resolve)
      if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id)
    }
  }
}

function isDone({ watermark, done }: Progress, position: Position): boolean {
  return position <= watermark || done.some(([from, to]) => position >= from && position <= to)
}

function tooLate(id: string, deadline: number): TidingsError {
  return new TidingsError(
    'TIDINGS_DEADLINE',
    `The event is stored, but the broker has not taken it within ${deadline} ms; the relay goes on trying.`,
    { details: { id, stored: true } },
  )
}

function refused({ eventId, error }: ParkedEvent): TidingsError {
  return new TidingsError(
    'TIDINGS_RELAY_REFUSED',
    `The event is stored, but the broker refuses it: ${error?.message ?? 'it did not say why'}`,
    { details: { id: eventId, stored: true } },
  )
}
