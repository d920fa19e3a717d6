import type { Position } from '../store/store.ts'
import type { HoldHost, Level } from './hold.ts'
import { parkedEvents } from './progress.ts'

/** What a new generation has set aside and the live one has not. */
export interface ParkedOnlyInNext {
  /** Events that wait for an operator, with those behind them. */
  readonly dead: number
  /** Events that are tried again by themselves, with those behind them. */
  readonly retried: number
}

/** Parked events count as done, and yet readers would miss what the live generation has applied of them. Looks at those up to where both stand. */
export async function parkedOnlyInNext(
  { store, name }: Pick<HoldHost, 'store' | 'name'>,
  { next, live, at }: Pick<Level, 'next' | 'live' | 'at'>,
): Promise<ParkedOnlyInNext> {
  const set = new Set<Position>()
  for await (const { offset } of parkedEvents(store, name, live)) set.add(offset)
  let dead = 0
  let retried = 0
  /** By stream, in order of position: what is behind waits for the first. */
  let front: { readonly stream: string; readonly waits: boolean } | undefined
  for await (const { offset, stream, state } of parkedEvents(store, name, next)) {
    if (state !== 'behind') front = { stream, waits: state !== 'retry' }
    if (offset > at || set.has(offset)) continue
    if (state === 'retry' || (state === 'behind' && front?.stream === stream && !front.waits)) retried++
    else dead++
  }
  return { dead, retried }
}
