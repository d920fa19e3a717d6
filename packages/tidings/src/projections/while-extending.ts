import type { Runtime, Timer } from '../kernel/runtime.ts'
import type { Level } from './hold.ts'

/** Time between two extensions, in milliseconds; a fifth of what a hold lasts. */
const every = 2_000

/** What takes longer than this is not waited for, in milliseconds: a check that never answers would hold the live generation up for good. */
const longest = 3_600_000

/**
 * Lets feeders wait for as long as work goes on. A timer sees to it while a server is silent; `goOn` is for work that leaves timers no time. Settles when no
 * extension is under way any more, so that none comes after the hold has been released.
 */
export async function whileExtending<Result>(
  runtime: Runtime,
  { extend }: Pick<Level, 'extend'>,
  work: (goOn: () => Promise<void>) => Promise<Result>,
): Promise<Result> {
  const begun = runtime.monotonic()
  let extended = begun
  let under: Promise<void> | undefined
  let timer: Timer | undefined
  let over = false
  // Where the store does not answer, feeders may go on: then both are found not to stand still.
  const extending = (): Promise<void> =>
    (under ??= extend()
      .catch(() => {})
      .finally(() => {
        under = undefined
        extended = runtime.monotonic()
      }))
  const schedule = (): void => {
    timer = runtime.setTimer(every, () => {
      void extending().then(() => {
        if (!over && runtime.monotonic() - begun < longest) schedule()
      })
    })
  }
  schedule()
  try {
    return await work(async () => {
      if (runtime.monotonic() - extended >= every) await extending()
    })
  } finally {
    over = true
    timer?.cancel()
    await under
  }
}
