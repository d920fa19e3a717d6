/**
 * The only door to time, randomness and ids. Everything in Tidings that waits, stamps, jitters or names
 * goes through it, so that the whole system can run under a virtual clock and a seeded random source.
 */
export interface Runtime {
  /** Wall clock, whole milliseconds since 1970. It may jump either way: use it for stamps and due times, never for durations. */
  now(): number
  /** Milliseconds that only ever grow. Use it for durations, timeouts and rates. */
  monotonic(): number
  /** Calls `run` once, `ms` milliseconds from now (0: in a later turn of the event loop). Never calls synchronously. Keeps a process alive until it has run or is cancelled. */
  setTimer(ms: number, run: () => void): Timer
  /** Calls `run` in the next turn of the event loop, after pending input and output had their chance. */
  defer(run: () => void): void
  /** A number in [0, 1). */
  random(): number
  /** A new UUID v7 (RFC 9562, 5.7). Ids of one runtime ascend, also inside one millisecond. `ms` is the time it should carry; default now. */
  id(ms?: number): string
  /** How late the event loop ran its last timer, in milliseconds; 0 where unknown. */
  lag(): number
}

export interface Timer {
  /** Idempotent; after it returns the callback will not run. */
  cancel(): void
}

/** Resolves after `ms`, or rejects with the signal's reason when that comes first. */
export function sleep(runtime: Runtime, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error)
      return
    }
    const abort = (): void => {
      timer.cancel()
      reject(signal?.reason as Error)
    }
    const timer = runtime.setTimer(ms, () => {
      signal?.removeEventListener('abort', abort)
      resolve()
    })
    signal?.addEventListener('abort', abort, { once: true })
  })
}
