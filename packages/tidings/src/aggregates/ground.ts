import { unchangedNote } from '../bus/stream-note.ts'
import type { Expectation, StreamName } from '../store/store.ts'
import type { Aggregate } from './define-aggregate.ts'
import type { StreamState } from './stream-state.ts'

/** One stream that a decision stands on. */
export interface Ground {
  readonly aggregate: Aggregate
  readonly stream: StreamName
  readonly text: string
  readonly base: StreamState<unknown>
}

/** What must still be so when a decision is written: no event more, and none deleted. */
export function expectationsOf({ stream, base }: Pick<Ground, 'stream' | 'base'>): readonly Expectation[] {
  return [{ stream, version: base.version }, unchangedNote(base.known)]
}

/** Whether all streams stand where they stood. */
export function areSame(ground: readonly Ground[], earlier: readonly Ground[]): boolean {
  return ground.every(({ base }, at) => {
    const before = (earlier[at] as Ground).base
    return base.version === before.version && base.known.version === before.known.version
  })
}
