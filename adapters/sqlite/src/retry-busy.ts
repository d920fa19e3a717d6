import { type Runtime, sleep, TidingsError } from 'tidings/spi'

import { isBusy } from './sqlite-errors.ts'

/** First and longest wait between two attempts, in milliseconds. Other writers hold the lock for one commit, seldom longer. */
const shortest = 1
const longest = 25

export interface Patience {
  readonly runtime: Runtime
  /** Milliseconds until it gives up. */
  readonly busyTimeout: number
}

/**
 * Runs `attempt` until SQLite is not busy, waiting in between without blocking the process. Gives up with
 * TIDINGS_STORE_UNAVAILABLE after `busyTimeout`, or with the signal's reason. Everything else that `attempt` throws is thrown.
 */
export async function retryBusy<T>(
  { runtime, busyTimeout }: Patience,
  attempt: () => T,
  signal?: AbortSignal,
): Promise<T> {
  const began = runtime.monotonic()
  for (let wait = shortest; ; wait = Math.min(longest, wait * 2)) {
    try {
      return attempt()
    } catch (error) {
      if (!isBusy(error)) throw error
      if (runtime.monotonic() - began >= busyTimeout) {
        throw new TidingsError(
          'TIDINGS_STORE_UNAVAILABLE',
          `Another process kept the SQLite file locked for more than \`busyTimeout\` (${busyTimeout} ms).`,
          { cause: error, details: { field: 'busyTimeout', limit: busyTimeout } },
        )
      }
    }
    await sleep(runtime, wait * (0.5 + runtime.random()), signal)
  }
}
