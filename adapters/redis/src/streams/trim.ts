import { type Host, passedByAll, type Store, type Timer } from 'tidings/spi'

export interface TrimOptions {
  /** Milliseconds that an event stays which every group has passed. */
  readonly passed: number
  /** Milliseconds between two looks. */
  readonly every: number
}

/** Lets go what every group has passed, once it is old enough. Returns how to stop. */
export function trim(store: Store, host: Host, { passed, every }: TrimOptions): () => void {
  let timer: Timer | undefined
  let stopped = false
  const sweep = async (): Promise<void> => {
    const through = await passedByAll(store, store.capabilities.partitions)
    for (let more = through > 0; more && !stopped; )
      ({ more } = await store.prune({ through, before: host.runtime.now() - passed, limit: 1_000 }))
  }
  const next = (): void => {
    timer = host.runtime.setTimer(every, () => {
      sweep()
        .catch((error: unknown) =>
          host.log('warn', 'The log of the broker could not be trimmed; it is tried again.', { error }),
        )
        .finally(() => {
          if (!stopped) next()
        })
    })
  }
  next()
  return () => {
    stopped = true
    timer?.cancel()
  }
}
