import { TidingsError } from '../kernel/errors.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { Position, Store } from '../store/store.ts'
import { parkedCollection } from '../subscriber/parked-event.ts'
import { checkpointsCollection } from '../subscriber/partition-state.ts'
import { endReplay, type ReplayRun, readReplay, replayId, replaysCollection } from '../subscriber/replay-run.ts'
import { runName } from '../subscriber/subscription.ts'
import type { Progress } from '../subscriber/watermark.ts'

export interface ReplayProgress {
  readonly run: number
  readonly state: ReplayRun['state']
  readonly after: Position
  readonly upTo: Position
  /** Every partition has been handled up to here. */
  readonly position: Position
  /** Events it was asked to handle, as they were counted when it was asked for; undefined where nobody has counted. */
  readonly count: number | undefined
  /** Events that it has set aside. */
  readonly parked: number
  /** Nothing has moved for 3 s, and no process that lives runs the subscription. Told by `follow` of the operations. */
  readonly unserved?: true
}

/** Most parked events that are counted. */
const mostParked = 100_000

/** How far a replay is. Rejects with `TIDINGS_NOT_FOUND` where there is none such. */
export async function replayProgress(
  store: Store,
  replay: Pick<ReplayRun, 'subscription' | 'run'>,
): Promise<ReplayProgress> {
  const [document] = await store.find(replaysCollection, { id: replayId(replay) })
  if (document === undefined)
    throw new TidingsError('TIDINGS_NOT_FOUND', `There is no replay ${replay.run} of ${replay.subscription}.`, {
      details: { ...replay },
    })
  const known = readReplay(document)
  const prefix = `${runName({ settings: { name: known.subscription }, run: known.run })}/`
  const done = await store.find(checkpointsCollection, { prefix, limit: 2_000 })
  const parked = await store.find(parkedCollection, { prefix, limit: mostParked })
  const positions = done.map(({ body }) => (JSON.parse(body) as Progress).watermark)
  const position = positions.length < store.capabilities.partitions ? known.after : Math.min(known.upTo, ...positions)
  const { run, state, after, upTo, count } = known
  return {
    run,
    state,
    after,
    upTo,
    position: state === 'done' ? upTo : Math.max(after, position),
    count,
    parked: parked.length,
  }
}

/**
 * Ends a replay before its end; what it has parked goes with it. One that is done lets go of what it has still parked. False when it had ended already, and
 * nothing was left of it.
 */
export async function cancelReplay(
  store: Store,
  runtime: Runtime,
  replay: Pick<ReplayRun, 'subscription' | 'run'>,
): Promise<boolean> {
  const [document] = await store.find(replaysCollection, { id: replayId(replay) })
  const known = document === undefined ? undefined : readReplay(document)
  const holds = known?.state === 'open' || (known?.state === 'done' && known.leftovers === true)
  if (document === undefined || known === undefined || !holds) return false
  return endReplay(store, runtime, known, document.version, 'cancelled', true)
}
