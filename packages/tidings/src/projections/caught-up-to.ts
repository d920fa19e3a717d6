import type { BusParts } from '../bus/bus-parts.ts'
import { milliseconds } from '../kernel/duration.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Position } from '../store/store.ts'
import type { Feeder } from './feeder.ts'
import { liveOf } from './generation.ts'
import { countParked, isThrough, readProgress } from './progress.ts'
import type { CaughtUpOptions } from './projection-handle.ts'
import { readState } from './state-store.ts'

/** What was found when the projection had caught up. */
export interface CaughtUp {
  readonly generation: number
  /** Events at or below the position that are set aside; 0: everything is applied. */
  readonly parked: number
}

/** Longest time between looks, in milliseconds; what this process applies itself is seen at once. */
const every = 100

/** Positions away from which only the clock makes it look again. */
const distant = 1_000

export async function caughtUpTo(
  parts: BusParts,
  feeder: Feeder,
  position: Position,
  { timeout = '5s', signal }: CaughtUpOptions = {},
): Promise<CaughtUp> {
  if (!Number.isSafeInteger(position) || position < 0) {
    throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `position` to be a whole number from 0.', {
      details: { field: 'position' },
    })
  }
  const { store, runtime } = parts
  const { name } = feeder.settings
  const until = runtime.monotonic() + milliseconds(timeout, 'timeout')
  for (let wait = 2; ; wait = Math.min(every, wait * 2)) {
    signal?.throwIfAborted()
    let far = false
    const { state } = await readState(store, name)
    const live = state === undefined ? undefined : liveOf(state)
    if (live !== undefined) {
      const progress = await readProgress(store, name, live, feeder.local(live.number))
      far = position - progress.low > distant
      if (await isThrough(store, live, progress, position)) {
        const { parked } = await countParked(store, name, live, position)
        return { generation: live.number, parked }
      }
    }
    const left = until - runtime.monotonic()
    if (left <= 0) {
      throw new TidingsError(
        'TIDINGS_DEADLINE',
        `The projection ${name} was not caught up to position ${position} in time.`,
        { details: { name, position } },
      )
    }
    // A look costs more than what is applied meanwhile; near the end it is worth it.
    await progressOr(parts, Math.min(far ? every : wait, left), signal, far)
  }
}

/** Waits until something has moved here, or a while has passed. */
function progressOr(parts: BusParts, wait: number, signal: AbortSignal | undefined, far: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      stop()
      timer.cancel()
      signal?.removeEventListener('abort', abort)
    }
    if (signal?.aborted === true) {
      reject(signal.reason as Error)
      return
    }
    const abort = (): void => {
      end()
      reject(signal?.reason as Error)
    }
    const go = (): void => {
      end()
      resolve()
    }
    const stop = far ? () => {} : parts.onProgress(go)
    const timer = parts.runtime.setTimer(wait, go)
    signal?.addEventListener('abort', abort, { once: true })
  })
}
