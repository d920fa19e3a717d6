import { headOf } from '../bus/registration.ts'
import type { Runtime, Timer } from '../kernel/runtime.ts'
import type { Position, Store, StoredEvent } from '../store/store.ts'
import { compileQuery, type EventQuery } from './event-query.ts'

export interface FollowEventsOptions extends EventQuery {
  /** Begin after this position. Default: the end of the log, or its beginning where `since` is given. */
  readonly after?: Position | undefined
  /** Ends it, without an error. */
  readonly signal?: AbortSignal | undefined
}

/** Events read at a time, and the longest time between looks that nobody woke, in milliseconds. */
const page = 500
const every = 500

/**
 * Events as they are committed, in commit order, none left out and none twice, until the signal aborts. `since` and `until` choose among what
 * the log holds already; what comes later is live whatever its own time says.
 */
export async function* followEvents(
  store: Store,
  runtime: Runtime,
  options: FollowEventsOptions = {},
): AsyncGenerator<StoredEvent> {
  const { signal } = options
  const { log, matches } = compileQuery(options)
  const { from, to, ...live } = log
  const head = await headOf(store)
  let after = options.after ?? (options.since === undefined ? head : 0)
  const waiting = new Waiting(store, runtime, signal)
  try {
    while (signal?.aborted !== true) {
      const past = after < head
      const hints = waiting.hints
      const { events, through } = await store.readAll(
        past
          ? {
              ...live,
              ...(from === undefined ? {} : { from }),
              ...(to === undefined ? {} : { to }),
              after,
              limit: page,
              upTo: head,
            }
          : { ...live, after, limit: page },
      )
      for (const stored of events) {
        if (signal?.aborted) return
        if (matches(stored)) yield stored
      }
      // A page may end before it is full; only one that leads nowhere is the last.
      const caughtUp = through <= after
      // The past ends at the head of its time, also where nothing of it matched.
      after = past && caughtUp ? head : Math.max(after, through)
      if (caughtUp && !past) await waiting.forMore(hints)
    }
  } finally {
    waiting.stop()
  }
}

/** Waits for a hint of the store, a while, or the signal. */
class Waiting {
  readonly #runtime: Runtime
  readonly #signal: AbortSignal | undefined
  readonly #unwatch: () => void
  readonly #abort = (): void => this.#wake()
  #resolve: (() => void) | undefined
  #timer: Timer | undefined
  /** How many have come. */
  hints = 0

  constructor(store: Store, runtime: Runtime, signal: AbortSignal | undefined) {
    this.#runtime = runtime
    this.#signal = signal
    this.#unwatch = store.watch(() => {
      this.hints++
      this.#wake()
    })
    signal?.addEventListener('abort', this.#abort)
  }

  /** `seen` is the count of hints before the last look: one that came during it counts. */
  forMore(seen: number): Promise<void> {
    if (this.hints !== seen || this.#signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      this.#resolve = resolve
      this.#timer = this.#runtime.setTimer(every, () => this.#wake())
    })
  }

  stop(): void {
    this.#unwatch()
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#timer?.cancel()
  }

  #wake(): void {
    this.#timer?.cancel()
    this.#resolve?.()
    this.#resolve = undefined
  }
}
