import type { Position, Store } from '../store/store.ts'
import { type ParkedEvent, parkedCollection, readParked } from '../subscriber/parked-event.ts'
import { checkpointsCollection } from '../subscriber/partition-state.ts'
import type { Progress } from '../subscriber/watermark.ts'
import { type Generation, subscriptionName } from './generation.ts'

/** How far a generation is, as its checkpoints say. What a partition is done with is applied, or parked. */
export interface GenerationProgress {
  /** The lowest of all partitions: everything up to here is done. */
  readonly low: Position
  /** The highest that anything may be done. */
  readonly high: Position
  /** Versions of the checkpoints, by partition; 0: there is none. While they stand, nothing was applied. */
  readonly versions: readonly number[]
  done(partition: number, position: Position): boolean
}

/** What this process knows beyond the checkpoints, which idle partitions write seldom: undefined where it does not own the partition. */
export type Local = (partition: number) => Position | undefined

export async function readProgress(
  store: Store,
  projection: string,
  generation: Pick<Generation, 'number'>,
  local: Local = () => undefined,
): Promise<GenerationProgress> {
  const prefix = `${subscriptionName(projection, generation.number)}/0/`
  const { partitions } = store.capabilities
  const known: (Progress & { readonly version: number })[] = Array.from({ length: partitions }, () => ({
    watermark: 0,
    done: [],
    version: 0,
  }))
  for (const { id, body, version } of await store.find(checkpointsCollection, { prefix, limit: 2_000 })) {
    const partition = Number(id.slice(prefix.length))
    if (known[partition] === undefined) continue
    known[partition] = { ...(JSON.parse(body) as Progress), version }
  }
  let low = Number.POSITIVE_INFINITY
  let high = 0
  known.forEach(({ watermark, done }, partition) => {
    low = Math.min(low, Math.max(watermark, local(partition) ?? 0))
    high = Math.max(high, watermark, done.at(-1)?.[1] ?? 0)
  })
  return {
    low,
    high,
    versions: known.map(({ version }) => version),
    done(partition, position) {
      const { watermark, done } = known[partition] as Progress
      if (position <= watermark || position <= (local(partition) ?? 0)) return true
      return done.some(([from, to]) => position >= from && position <= to)
    },
  }
}

/** Events of one page while it is looked what is still to be done, and of the first: mostly one of those tells. */
const page = 1_000
const firstPage = 20

/** Whether everything up to a position that the generation hears is done. Looks at `pages` pages of a thousand events at most; then it says no. */
export async function isThrough(
  store: Store,
  { types }: Pick<Generation, 'types'>,
  progress: GenerationProgress,
  upTo: Position,
  pages: number = Number.POSITIVE_INFINITY,
): Promise<boolean> {
  for (let after = progress.low, read = 0; after < upTo; read++) {
    if (read >= pages) return false
    const { events, through } = await store.readAll({ after, upTo, limit: read === 0 ? firstPage : page, types })
    if (events.some(({ partition, position }) => !progress.done(partition, position))) return false
    if (through <= after) return true
    after = through
  }
  return true
}

/** Whether anything that the generation hears beyond a position is done already. */
export async function isBeyond(
  store: Store,
  { types }: Pick<Generation, 'types'>,
  progress: GenerationProgress,
  beyond: Position,
): Promise<boolean> {
  for (let after = beyond; after < progress.high; ) {
    const { events, through } = await store.readAll({ after, upTo: progress.high, limit: page, types })
    if (events.some(({ partition, position }) => progress.done(partition, position))) return true
    if (through <= after) return false
    after = through
  }
  return false
}

/** How many events of a generation are set aside (up to a position, where one is given), and how many of them wait for an operator. */
export async function countParked(
  store: Store,
  projection: string,
  generation: Pick<Generation, 'number'>,
  upTo: Position = Number.POSITIVE_INFINITY,
): Promise<{ readonly parked: number; readonly dead: number }> {
  let parked = 0
  let dead = 0
  for await (const { state, offset } of parkedEvents(store, projection, generation)) {
    if (offset > upTo) continue
    parked++
    if (state === 'dead') dead++
  }
  return { parked, dead }
}

/** What a generation has set aside, read page by page. */
export async function* parkedEvents(
  store: Store,
  projection: string,
  generation: Pick<Generation, 'number'>,
): AsyncGenerator<ParkedEvent> {
  const prefix = `${subscriptionName(projection, generation.number)}/`
  for (let after: string | undefined; ; ) {
    const found = await store.find(parkedCollection, { prefix, limit: 500, ...(after === undefined ? {} : { after }) })
    for (const document of found) yield readParked(document)
    if (found.length < 500) return
    after = found.at(-1)?.id
  }
}
