import { within } from '../kernel/lifecycle.ts'
import type { Log } from '../kernel/log.ts'
import type { Runtime, Timer } from '../kernel/runtime.ts'
import type { Engine } from './engine.ts'
import type { SubscriptionSettings } from './subscribe-options.ts'

/** Longest wait for an answer, in milliseconds; no answer counts as unwell. */
const patience = 5_000

/**
 * Asks a subscription's health check again and again. While it is unwell no attempt starts, so none is spent, and it is asked
 * more often; when it is well again, work goes on by itself. Returns how to stop.
 */
export function watchHealth(runtime: Runtime, log: Log, settings: SubscriptionSettings, engine: Engine): () => void {
  let timer: Timer | undefined
  let well = true
  let stopped = false

  const ask = async (): Promise<boolean> => {
    try {
      let answer = false
      const answered = await within(
        runtime,
        patience,
        Promise.resolve(settings.healthCheck?.()).then((is) => (answer = is !== false)),
      )
      return answered && answer
    } catch {
      return false
    }
  }

  const look = async (): Promise<void> => {
    const now = await ask()
    if (stopped) return
    if (now !== well) {
      well = now
      log(
        well ? 'info' : 'warn',
        well ? 'The subscription is well again' : 'The subscription is unwell and takes no work',
        { subscription: settings.name },
      )
      if (well) engine.resume('unhealthy')
      else engine.pause('unhealthy')
    }
    timer = runtime.setTimer(well ? settings.healthEvery : Math.min(settings.healthEvery, 1_000), () => void look())
  }

  timer = runtime.setTimer(settings.healthEvery, () => void look())
  return () => {
    stopped = true
    timer?.cancel()
  }
}
