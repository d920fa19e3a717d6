import { typePattern } from '../events/type-pattern.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { Position, Store } from '../store/store.ts'
import { checkpointsCollection } from '../subscriber/partition-state.ts'
import { endReplay, putReplay, type ReplayRun, replayId, replaysCollection } from '../subscriber/replay-run.ts'
import { runName } from '../subscriber/subscription.ts'
import type { Progress } from '../subscriber/watermark.ts'

/** Which part of history to run through which subscription again. */
export interface ReplayRequest {
  readonly subscription: string
  /** From this time (inclusive) or after this position; default the beginning. */
  readonly from?: Date | Position
  /** Up to this time (exclusive) or position (inclusive); default the head of the log now. */
  readonly to?: Date | Position
  /** Only these types, of those the subscription hears. */
  readonly types?: readonly string[]
  /** Who asks, for the record. */
  readonly by?: string
}

export interface ReplayPreview {
  /** Events that would be handled. */
  readonly count: number
  readonly after: Position
  readonly upTo: Position
}

export interface ReplayProgress extends ReplayPreview {
  readonly run: number
  readonly state: ReplayRun['state']
  /** Every partition has been handled up to here. */
  readonly position: Position
}

/** Counts what a replay would handle and changes nothing. Rejects with `TIDINGS_NOT_FOUND` for a subscription that was never registered. */
export async function previewReplay(store: Store, request: ReplayRequest): Promise<ReplayPreview> {
  const matches = await matcherOf(store, request)
  const { after, upTo } = await boundsOf(store, request)
  let count = 0
  for (let at = after; at < upTo; ) {
    const { events, through } = await store.readAll({ after: at, upTo, limit: 1_000 })
    for (const { record } of events) if (matches(record.type)) count++
    if (through <= at) break
    at = through
  }
  return { count, after, upTo }
}

/** Asks for a replay. The process that runs the subscription carries it out, beside live work; `replayProgress` tells how far it is. */
export async function requestReplay(store: Store, runtime: Runtime, request: ReplayRequest): Promise<ReplayRun> {
  await matcherOf(store, request)
  const { after, upTo } = await boundsOf(store, request)
  for (;;) {
    const earlier = await store.find(replaysCollection, { prefix: `${request.subscription}/`, limit: 1_000_000 })
    const last = earlier.at(-1)
    const run = last === undefined ? 1 : (JSON.parse(last.body) as ReplayRun).run + 1
    const replay: ReplayRun = {
      subscription: request.subscription,
      run,
      after,
      upTo,
      ...(request.types === undefined ? {} : { types: request.types }),
      state: 'open',
      by: request.by ?? 'unknown',
      at: runtime.now(),
    }
    const [result] = await store.commit([
      {
        expect: [{ collection: replaysCollection, id: replayId(replay), version: 0 }],
        documents: [putReplay(replay)],
      },
    ])
    if (result?.status === 'committed') return replay
    if (result?.status === 'refused') throw result.error
  }
}

export async function replayProgress(
  store: Store,
  replay: Pick<ReplayRun, 'subscription' | 'run'>,
): Promise<Omit<ReplayProgress, 'count'>> {
  const [document] = await store.find(replaysCollection, { id: replayId(replay) })
  if (document === undefined)
    throw new TidingsError('TIDINGS_NOT_FOUND', `There is no replay ${replay.run} of ${replay.subscription}.`, {
      details: { ...replay },
    })
  const known = JSON.parse(document.body) as ReplayRun
  const done = await store.find(checkpointsCollection, {
    prefix: `${runName({ settings: { name: known.subscription }, run: known.run })}/`,
    limit: 2_000,
  })
  const positions = done.map(({ body }) => (JSON.parse(body) as Progress).watermark)
  const position = positions.length < store.capabilities.partitions ? known.after : Math.min(known.upTo, ...positions)
  return {
    after: known.after,
    upTo: known.upTo,
    run: known.run,
    state: known.state,
    position: known.state === 'done' ? known.upTo : position,
  }
}

/** Ends a replay before its end; what it has parked goes with it. False when it had ended already. */
export async function cancelReplay(
  store: Store,
  runtime: Runtime,
  replay: Pick<ReplayRun, 'subscription' | 'run'>,
): Promise<boolean> {
  const [document] = await store.find(replaysCollection, { id: replayId(replay) })
  const known = document === undefined ? undefined : (JSON.parse(document.body) as ReplayRun)
  if (document === undefined || known?.state !== 'open') return false
  return endReplay(store, runtime, known, document.version, 'cancelled', true)
}

async function matcherOf(store: Store, { subscription, types }: ReplayRequest): Promise<(type: string) => boolean> {
  const [document] = await store.find('subscriptions', { id: subscription })
  if (document === undefined) {
    throw new TidingsError(
      'TIDINGS_NOT_FOUND',
      `No subscription ${JSON.stringify(subscription)} has ever been registered in this store.`,
      { details: { field: 'subscription' } },
    )
  }
  const patterns = (JSON.parse(document.body) as { patterns: readonly string[] }).patterns.map((pattern) =>
    typePattern(pattern),
  )
  return (type) => (types === undefined || types.includes(type)) && patterns.some((matches) => matches(type))
}

async function boundsOf(store: Store, { from, to }: ReplayRequest): Promise<{ after: Position; upTo: Position }> {
  const head = (await store.readAll({ after: 0, limit: 1, types: [] })).through
  return { after: await placeOf(store, from, 0, head), upTo: Math.min(head, await placeOf(store, to, head, head)) }
}

/** The position before the first event at or after a time. */
async function placeOf(
  store: Store,
  place: Date | Position | undefined,
  otherwise: Position,
  head: Position,
): Promise<Position> {
  if (place === undefined) return otherwise
  if (typeof place === 'number') return place
  const { events } = await store.readAll({ after: 0, limit: 1, from: place.getTime() })
  return events[0] === undefined ? head : events[0].position - 1
}
