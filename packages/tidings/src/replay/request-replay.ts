import { hash } from 'node:crypto'

import { subscriptionsCollection } from '../bus/registration.ts'
import { typePattern } from '../events/type-pattern.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Runtime } from '../kernel/runtime.ts'
import { partitionOf } from '../store/partitioner.ts'
import type { LogQuery, Position, Store } from '../store/store.ts'
import { parseStream } from '../store/store.ts'
import {
  partMatcher,
  putReplay,
  type ReplayPart,
  type ReplayRun,
  readReplay,
  replayId,
  replaysCollection,
} from '../subscriber/replay-run.ts'
import { checkedPart, type ReplayFilter, type ReplayRequest } from './replay-request.ts'

/** What a replay would handle. */
export interface ReplayCount {
  /** Events that would be handled; a `filter` of the subscription may leave some of them out. */
  readonly count: number
  readonly after: Position
  readonly upTo: Position
}

/** Events read at a time. */
const page = 1_000

/** Counts what a replay would handle and changes nothing. Rejects with `TIDINGS_NOT_FOUND` for a subscription that was never registered. */
export async function previewReplay(store: Store, request: ReplayRequest): Promise<ReplayCount> {
  return countReplay(store, await registeredPatterns(store, request.subscription), request)
}

/** The same for types that need not be registered. */
export async function countReplay(
  store: Store,
  patterns: readonly string[],
  filter: ReplayFilter,
): Promise<ReplayCount> {
  const part = checkedPart(filter)
  const head = (await store.readAll({ after: 0, limit: 1, types: [] })).through
  const after = await startOf(store, filter.from, head)
  const end = Math.min(head, typeof filter.to === 'number' ? filter.to : head)
  const matches = partMatcher(part, patterns)
  const query = queryOf(part, patterns, store.capabilities.partitions)
  let [count, last] = [0, after]
  for (let at = after; at < end; ) {
    const { events, through } = await store.readAll({ ...query, after: at, upTo: end, limit: page })
    for (const { record, position } of events) {
      if (!matches(record)) continue
      count++
      last = position
    }
    if (through <= at) break
    at = through
  }
  // Times do not ascend with positions, so the end of a time is where its last event stands.
  return { count, after, upTo: filter.to instanceof Date ? last : end }
}

/** Asks for a replay. The process that runs the subscription carries it out, beside live work; `replayProgress` tells how far it is. */
export async function requestReplay(store: Store, runtime: Runtime, request: ReplayRequest): Promise<ReplayRun> {
  return askReplay(store, runtime, await registeredPatterns(store, request.subscription), request)
}

/** The same for types that need not be registered. */
export async function askReplay(
  store: Store,
  runtime: Runtime,
  patterns: readonly string[],
  request: ReplayRequest,
): Promise<ReplayRun> {
  const part = checkedPart(request)
  const { count, after, upTo } = await countReplay(store, patterns, request)
  for (;;) {
    const earlier = await store.find(replaysCollection, { prefix: `${request.subscription}/`, limit: 1_000_000 })
    const last = earlier.at(-1)
    const run = last === undefined ? 1 : readReplay(last).run + 1
    const replay: ReplayRun = {
      ...part,
      subscription: request.subscription,
      run,
      after,
      upTo,
      count,
      asked: askedFor(request),
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

/** An open replay of the subscription that was asked for in the same words; undefined where there is none. */
export async function openReplay(store: Store, request: ReplayRequest): Promise<ReplayRun | undefined> {
  const documents = await store.find(replaysCollection, { prefix: `${request.subscription}/`, limit: 1_000_000 })
  const asked = askedFor(request)
  return documents.map(readReplay).find((replay) => replay.state === 'open' && replay.asked === asked)
}

/** Types and wildcards that a subscription hears. */
export async function registeredPatterns(store: Store, subscription: string): Promise<readonly string[]> {
  const [document] = await store.find(subscriptionsCollection, { id: subscription })
  if (document !== undefined) return (JSON.parse(document.body) as { patterns: readonly string[] }).patterns
  throw new TidingsError(
    'TIDINGS_NOT_FOUND',
    `No subscription ${JSON.stringify(subscription)} has ever been registered in this store.`,
    { details: { field: 'subscription' } },
  )
}

/** The words of a request, whoever asks. */
function askedFor(request: ReplayRequest): string {
  const place = (at: Date | Position | undefined): unknown => (at instanceof Date ? at.toISOString() : (at ?? null))
  const { from, to } = request
  return hash('sha256', JSON.stringify([place(from), place(to), checkedPart(request)]), 'base64url')
}

/** The position before the first event of the part. */
async function startOf(store: Store, from: Date | Position | undefined, head: Position): Promise<Position> {
  if (from === undefined) return 0
  if (typeof from === 'number') return Math.min(from, head)
  const { events } = await store.readAll({ after: 0, limit: 1, from: from.getTime() })
  return events[0] === undefined ? head : events[0].position - 1
}

/** What the store can leave out by itself. */
function queryOf(
  { types, streams, tenant, since, until }: ReplayPart,
  patterns: readonly string[],
  partitions: number,
): Partial<LogQuery> {
  const exact = (names: readonly string[]): boolean => names.every((name) => !name.includes('*'))
  const heard = patterns.map((pattern) => typePattern(pattern))
  const wanted =
    types !== undefined && exact(types)
      ? types.filter((type) => heard.some((matches) => matches(type)))
      : exact(patterns)
        ? patterns
        : undefined
  const names = streams?.map(parseStream)
  return {
    ...(wanted === undefined ? {} : { types: wanted }),
    ...(names === undefined ? {} : { categories: [...new Set(names.map(({ category }) => category))] }),
    ...(streams === undefined
      ? {}
      : { partitions: [...new Set(streams.map((stream) => partitionOf(stream, partitions)))] }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(since === undefined ? {} : { from: since }),
    ...(until === undefined ? {} : { to: until }),
  }
}
