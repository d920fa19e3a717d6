import type { Runtime } from '../kernel/runtime.ts'

/** How long somebody stays in a queue. */
export interface Patience {
  readonly runtime: Runtime
  /** In monotonic time. */
  readonly until: number
}

/** Queues of this process, one for each stream, for those who would beat each other at its version over and over. */
export class StreamQueues {
  /** By stream: the end of its queue. */
  readonly #tails = new Map<string, Promise<void>>()

  /**
   * Waits behind those who came before to the same streams. Resolves with how to let the next one go, or with undefined when it has waited long enough;
   * then the next one goes when those before have gone.
   */
  async enter(streams: readonly string[], patience: Patience): Promise<(() => void) | undefined> {
    const leaving: (() => void)[] = []
    const leave = (): void => {
      for (const one of leaving) one()
    }
    // In one order for all, so that no two wait for each other.
    for (const stream of [...streams].sort()) {
      const before = this.#tails.get(stream)
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#tails.set(stream, promise)
      const go = (): void => {
        if (this.#tails.get(stream) === promise) this.#tails.delete(stream)
        resolve()
      }
      if (before !== undefined && !(await endsInTime(before, patience))) {
        leave()
        // Nobody may pass those who are still before.
        void before.then(go)
        return undefined
      }
      leaving.push(go)
    }
    return leave
  }
}

function endsInTime(work: Promise<void>, { runtime, until }: Patience): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = runtime.setTimer(Math.max(0, until - runtime.monotonic()), () => resolve(false))
    void work.then(() => {
      timer.cancel()
      resolve(true)
    })
  })
}
