import type { Runtime, Timer } from 'tidings/spi'

/** Runs something again and again, each time so many milliseconds after it has ended. Returns how to stop; what runs then ends. `run` must not reject. */
export function every(runtime: Runtime, ms: number, run: () => Promise<void>): () => void {
  let timer: Timer
  let stopped = false
  const arm = (): void => {
    if (stopped) return
    timer = runtime.setTimer(ms, () => void run().then(arm))
  }
  arm()
  return () => {
    stopped = true
    timer.cancel()
  }
}
