import type { BusParts } from '../bus/bus-parts.ts'
import { type StreamLike, streamName } from '../bus/stream-like.ts'
import { readNote } from '../bus/stream-note.ts'
import type { Event } from '../events/event.ts'
import type { EventRecord } from '../events/record.ts'
import { TidingsError } from '../kernel/errors.ts'
import { sleep } from '../kernel/runtime.ts'
import { partitionOf } from '../store/partitioner.ts'
import { type Statement, type Store, type StoredEvent, type StreamName, streamText, type Unit } from '../store/store.ts'
import { decode } from '../subscriber/decode.ts'
import { inlineCollection } from '../subscriber/inline-promise.ts'
import { parkedCollection, readParked } from '../subscriber/parked-event.ts'
import { checkpointsCollection } from '../subscriber/partition-state.ts'
import { tableNames } from './apply-event.ts'
import type { ProjectionContext } from './define-projection.ts'
import type { Feeder } from './feeder.ts'
import { type Generation, liveOf, projectionsCollection, subscriptionName } from './generation.ts'
import { lockTables } from './generation-sql.ts'
import { overlaySink } from './overlay-sink.ts'
import { readProgress } from './progress.ts'
import { writableCollections } from './projection-documents.ts'
import type { ProjectionSettings } from './projection-settings.ts'
import { most, readApplied } from './read-applied.ts'
import { readState } from './state-store.ts'

/** What was applied again. */
export interface RebuiltStream {
  readonly generation: number
  readonly events: number
}

/** How often it is tried while others apply events of the same partition meanwhile. */
const patience = 100

/**
 * Takes away what came of one stream in the live generation, and applies again what had been applied of it, by one commit. It holds only while nothing else
 * of that partition is applied, and nobody writes what was read; else it is done anew.
 */
export async function rebuildStream(parts: BusParts, feeder: Feeder, which: StreamLike): Promise<RebuiltStream> {
  const { store, runtime } = parts
  const { settings } = feeder
  const stream = streamName(which)
  if (settings.forget === undefined) {
    throw new TidingsError(
      'TIDINGS_NOT_SUPPORTED',
      `The projection ${settings.name} does not say by \`forget\` what came of a stream, so one alone cannot be rebuilt.`,
      { details: { field: 'forget' } },
    )
  }
  let least = 0
  for (let tries = 0; tries < patience; tries++) {
    const { state, version } = await readState(store, settings.name)
    const live = state === undefined ? undefined : liveOf(state)
    if (live?.version !== settings.version || live.shape !== settings.shape) throw otherVersion(settings, live)
    const partition = partitionOf(streamText(stream), store.capabilities.partitions)
    const progress = await readProgress(store, settings.name, live)
    const parked = await parkedOf(store, settings, live, stream)
    const known = await readNote(store, stream)
    const inCommit = live.joined === true ? await joinedOf(store, live, settings.name) : noneJoined
    const applied = await readApplied(store, stream, known, {
      least,
      lossy: settings.lossy,
      applied: ({ record, position }) =>
        settings.handlers.has(record.type) &&
        ((progress.done(partition, position) && !parked.has(position)) || inCommit(record)),
    })
    const unit = await applyAgain(parts, settings, live, stream, applied.events)
    const [result] = await store.commit([
      {
        expect: [
          { collection: projectionsCollection, id: settings.name, version },
          {
            collection: checkpointsCollection,
            id: `${subscriptionName(settings.name, live.number)}/0/${partition}`,
            version: progress.versions[partition] as number,
          },
          // Others apply events of other partitions, and may write to the same documents.
          ...unit.expect,
          ...applied.expect,
        ],
        ...(unit.statements.length === 0 ? {} : { statements: unit.statements }),
        documents: unit.documents,
      },
    ])
    if (result?.status === 'committed') return { generation: live.number, events: applied.events.length }
    if (result?.status === 'refused') throw result.error
    // The store alone knows how far a stream has counted whose latest events have been removed.
    if (result?.status === 'conflict' && 'stream' in result.expectation) least = result.actual
    await sleep(runtime, 10 + 40 * runtime.random())
  }
  throw new TidingsError(
    'TIDINGS_CONFLICT',
    `Events of the same partition were applied again and again while a stream of ${settings.name} was rebuilt; try it at a quieter time.`,
    { details: { name: settings.name } },
  )
}

async function applyAgain(
  parts: BusParts,
  settings: ProjectionSettings,
  live: Generation,
  stream: StreamName,
  events: readonly StoredEvent[],
): Promise<Required<Pick<Unit, 'expect' | 'statements' | 'documents'>>> {
  const { store, declared, reading } = parts
  const statements: Statement[] = lockTables(store.capabilities.sql, live)
  const overlay = overlaySink(store)
  const context: ProjectionContext = {
    tables: tableNames(live.tables, live.number),
    write: (statement) => void statements.push(statement),
    documents: writableCollections(settings.name, live.number, settings.documents, overlay.sink),
  }
  await settings.forget?.(stream, context)
  const name = subscriptionName(settings.name, live.number)
  const subscription = declared.find((one) => one.settings.name === name)
  if (subscription === undefined) throw otherVersion(settings, live)
  for (const { record, partition, position, stream: text } of events) {
    const event = await decode({ partition, offset: position, stream: text, record }, subscription, reading)
    await settings.handlers.get(event.type)?.(event as Event<never>, context)
  }
  return { statements, expect: overlay.expect(), documents: overlay.changes() }
}

async function parkedOf(
  store: Store,
  { name }: ProjectionSettings,
  { number }: Generation,
  stream: StreamName,
): Promise<ReadonlySet<number>> {
  const prefix = `${subscriptionName(name, number)}/0/${streamText(stream)}/`
  const found = await store.find(parkedCollection, { prefix, limit: most })
  return new Set(found.map((document) => readParked(document).offset))
}

const noneJoined = (): boolean => false

/** Which events were applied in their own commit and have not been passed since. */
async function joinedOf(store: Store, { number }: Generation, name: string): Promise<(record: EventRecord) => boolean> {
  const prefix = `${subscriptionName(name, number)}/0/`
  const marks = new Set<string>()
  for (let after: string | undefined; ; ) {
    const found = await store.find(inlineCollection, { prefix, ...(after === undefined ? {} : { after }) })
    for (const { id } of found) marks.add(id)
    after = found.at(-1)?.id
    if (after === undefined) return ({ source, id }) => marks.has(`${prefix}${source}/${id}`)
  }
}

function otherVersion({ name, version }: ProjectionSettings, live: Generation | undefined): TidingsError {
  return new TidingsError(
    'TIDINGS_NOT_SUPPORTED',
    `Readers of ${name} see ${live === undefined ? 'nothing yet' : `version ${live.version}`}, and this process has the code of version ${version}.`,
    { details: { name, version } },
  )
}
