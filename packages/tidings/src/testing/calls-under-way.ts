import type { Store } from '../store/store.ts'

/** A store that can tell when nothing has been asked of it that has no answer yet, so that virtual time waits for real servers. */
export interface WatchedStore {
  readonly store: Store
  /** Resolves when no call is under way. */
  idle(): Promise<void>
}

export function watchedStore(inner: Store): WatchedStore {
  let running = 0
  const waiting: (() => void)[] = []
  const track = <Result>(call: Promise<Result>): Promise<Result> => {
    running++
    const ended = (): void => {
      running--
      if (running > 0) return
      for (const resolve of waiting.splice(0)) resolve()
    }
    call.then(ended, ended)
    return call
  }
  return {
    store: {
      capabilities: { ...inner.capabilities, sql: 'none' },
      commit: (units) => track(inner.commit(units)),
      readStream: (stream, query) => track(inner.readStream(stream, query)),
      readAll: (query) => track(inner.readAll(query)),
      find: (collection, query) => track(inner.find(collection, query)),
      watch: (wake) => inner.watch(wake),
      prune: (query) => track(inner.prune(query)),
      close: () => inner.close(),
    },
    idle: () => (running === 0 ? Promise.resolve() : new Promise((resolve) => void waiting.push(resolve))),
  }
}
