import type { Log } from '../kernel/log.ts'
import type { Runtime, Timer } from '../kernel/runtime.ts'
import type { Store } from '../store/store.ts'
import { sweepDedup } from './sweep-dedup.ts'
import { EffectsSweep } from './sweep-effects.ts'

const every = 60_000

/**
 * Removes documents that nobody needs any longer: marks of content whose window is over, and, where the store has a log, records of calls for events that
 * have left it. Instances that do it beside each other are harmless. Returns how to stop.
 */
export function sweepDocuments(store: Store, runtime: Runtime, log: Log, hasLog: boolean): () => void {
  const effects = new EffectsSweep(store)
  let stopped = false
  let failed = false
  let timer: Timer | undefined
  const isStopped = (): boolean => stopped
  const sweep = async (): Promise<void> => {
    try {
      await sweepDedup(store, runtime.now(), isStopped)
      if (hasLog) await effects.run(isStopped)
      failed = false
    } catch (error) {
      if (!failed && !stopped)
        log('warn', 'Old documents could not be removed; it is tried again', { error: (error as Error).message })
      failed = true
    }
    next()
  }
  const next = (): void => {
    if (!stopped) timer = runtime.setTimer(every, () => void sweep())
  }
  next()
  return () => {
    stopped = true
    timer?.cancel()
  }
}
