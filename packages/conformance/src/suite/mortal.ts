import type { Runtime, Store } from 'tidings/spi'

/** What can die: once `end` was called, nothing handed out through it answers, wakes or fires any more. */
export interface Mortal {
  readonly runtime: Runtime
  readonly store: Store
  end(): void
}

/**
 * A process that can die without a word: a runtime and a store as one process sees them. After its end timers do not fire,
 * calls are never answered, and watchers are not woken, while the data and the clock live on for others.
 */
export function mortal(runtime: Runtime, store: Store): Mortal {
  let dead = false
  const alive =
    (run: () => void): (() => void) =>
    () => {
      if (!dead) run()
    }
  const silence = new Promise<never>(() => {})
  const answer = async <T>(call: () => Promise<T>): Promise<T> => {
    if (dead) return silence
    const result = await call().catch((error: unknown) => {
      if (dead) return silence
      throw error
    })
    return dead ? silence : result
  }
  return {
    end: () => void (dead = true),
    runtime: {
      ...runtime,
      setTimer: (ms, run) => runtime.setTimer(ms, alive(run)),
      defer: (run) => runtime.defer(alive(run)),
    },
    store: {
      capabilities: store.capabilities,
      commit: (units) => answer(() => store.commit(units)),
      readStream: (stream, query) => answer(() => store.readStream(stream, query)),
      readAll: (query) => answer(() => store.readAll(query)),
      find: (collection, query) => answer(() => store.find(collection, query)),
      watch: (wake) => store.watch(alive(wake)),
      prune: (query) => answer(() => store.prune(query)),
      close: () => answer(() => store.close()),
    },
  }
}
