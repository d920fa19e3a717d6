import { sqlite } from '@tidings/sqlite'
import { createTestBus, type TestWorld } from 'tidings/testing'

/** A bus with SQL under a virtual clock. */
export const sqlWorld = (options: Parameters<typeof createTestBus>[0] = {}): Promise<TestWorld> =>
  createTestBus({ store: sqlite(':memory:', { partitions: 4 }), ...options })

/** Lets the clock run until the work is done, a minute at most. */
export async function meanwhile<T>({ clock }: TestWorld, work: Promise<T>): Promise<T> {
  let over = false
  const end = (): void => void (over = true)
  work.then(end, end)
  for (let looks = 0; !over && looks < 3_000; looks++) await clock.advance('20ms')
  if (!over) throw new Error('It has not ended within a minute.')
  return work
}
