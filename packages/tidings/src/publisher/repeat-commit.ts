import type { EventRecord } from '../events/record.ts'
import { plainRecord } from '../events/record-codec.ts'
import { isTidingsError } from '../kernel/errors.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import type { CommitResult, Unit } from '../store/store.ts'
import type { Committer } from './committer.ts'
import type { PublishSettings } from './publish-options.ts'
import { storedAlready } from './stored-already.ts'

/**
 * Tries a publisher's commit again that gave no answer, while the store is away, as often as the settings say and `deadline` milliseconds allow. Rejects
 * with what the last try said, or with `TIDINGS_COMMIT_UNKNOWN` where the outcome of any of them is not known.
 */
export async function repeatCommit(
  { committer, runtime, settings }: { committer: Committer; runtime: Runtime; settings: PublishSettings },
  unit: Unit,
  rank: number,
  deadline: number,
  error: Error | undefined,
): Promise<CommitResult> {
  let failure = error
  // Once nobody knows what became of a try, no later failure makes it known.
  let doubt = isUnknown(error) ? error : undefined
  const until = runtime.monotonic() + deadline
  // The first try may have been applied without an answer, so from now on nobody may take these ids for unused.
  const repeat = { ...unit, append: (unit.append ?? []).map((record) => unfresh(record)) }
  for (let attempt = 1; ; attempt++) {
    const wait = settings.retryDelay * 2 ** (attempt - 1) * (0.8 + 0.4 * runtime.random())
    if (attempt >= settings.tries || !isAway(failure) || runtime.monotonic() + wait > until)
      throw (doubt ?? failure) as Error
    await sleep(runtime, wait)
    try {
      const answer = await committer.commit(repeat, rank, 'limited')
      if (answer.status !== 'refused' || doubt === undefined) return answer
      // A try in doubt may be what stood in the way: this one waited for its rows, and then found them there.
      return (await storedAlready(repeat.append, (asking) => committer.commit(asking, rank, 'limited'))) ?? answer
    } catch (again) {
      failure = again as Error
      if (isUnknown(failure)) doubt = failure
    }
  }
}

function isAway(error: Error | undefined): boolean {
  return isTidingsError(error, 'TIDINGS_STORE_UNAVAILABLE') || isUnknown(error)
}

function isUnknown(error: Error | undefined): boolean {
  return isTidingsError(error, 'TIDINGS_COMMIT_UNKNOWN')
}

/** The same record without the promise that nobody has seen its id. */
function unfresh(record: EventRecord): EventRecord {
  return record.fresh === true ? { ...plainRecord(record), fresh: false } : record
}
