import type { EventRecord } from '../events/record.ts'
import { type CommitResult, parseStream, streamText, type Unit } from '../store/store.ts'

/** A version at which no stream stands. */
const unreached = 2 ** 31 - 1

/**
 * What the store says of events that may stand already, as the first time; undefined where they do not. Asked by a unit that nothing but a repetition can
 * commit, so it writes nothing.
 */
export async function storedAlready(
  append: readonly EventRecord[],
  commit: (unit: Unit) => Promise<CommitResult>,
): Promise<CommitResult | undefined> {
  const [first] = append
  if (first === undefined) return undefined
  const result = await commit({ append, expect: [{ stream: parseStream(streamText(first)), version: unreached }] })
  return result.status === 'committed' ? result : undefined
}
