import { fromStructured } from '../events/cloudevents-json.ts'
import { dataBytes } from '../events/data-codec.ts'
import type { EventRecord } from '../events/record.ts'
import { eventOf, verifyChecksum } from '../events/record-codec.ts'
import { isTidingsError, TidingsError } from '../kernel/errors.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import { type CommitResult, type Position, type Store, streamText } from '../store/store.ts'

/** One line of a file of CloudEvents. */
export interface ImportLine {
  /** From 1. */
  readonly number: number
  /** Undefined where the line was too long to be read. */
  readonly bytes: Uint8Array | undefined
}

export interface ImportOptions {
  /** Largest data of one event, in bytes. Default 1,048,576. Larger is refused. */
  readonly maxBytes?: number | undefined
  /** Most events of one commit, 1 to 10,000. Default 500. */
  readonly batch?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** A line that was not taken, and why. Nothing of its content is told. */
export interface RefusedLine {
  readonly line: number
  readonly code: string
  /** What is wrong with it: an attribute, or a place in the data; empty where it is the line as a whole. */
  readonly field: string
  readonly message: string
}

export interface ImportProgress {
  /** Lines looked at so far, empty ones not counted. */
  readonly lines: number
  readonly stored: number
  /** Events that the store had already. */
  readonly duplicates: number
  readonly refused: number
  /** Those refused since the last step. */
  readonly refusals: readonly RefusedLine[]
}

/** Most bytes of data that wait for one commit. */
const mostBytes = 4_194_304

/** Attempts to commit while the store is away, and the first wait between them in milliseconds. */
const tries = 5
const firstWait = 200

/** Repeated events no further apart than this are read together with what lies between them. */
const nearby = 8

/**
 * Stores CloudEvents, one JSON object a line, in the order given. Types need no definition. A line that is wrong is refused by itself and its
 * neighbours are kept. Events that are stored already are counted, not stored again, so a file can be imported twice; an id that belongs to
 * another event is refused. Yields after each commit, holds one batch at a time, and rejects when the store stays away.
 */
export async function* importEvents(
  store: Store,
  runtime: Runtime,
  lines: AsyncIterable<ImportLine>,
  options: ImportOptions = {},
): AsyncGenerator<ImportProgress> {
  const { maxBytes = 1_048_576, batch = 500, signal } = options
  whole('batch', batch, 10_000)
  whole('maxBytes', maxBytes, 1_073_741_824)
  const total = { lines: 0, stored: 0, duplicates: 0, refused: 0 }
  let waiting: Waiting[] = []
  let refusals: RefusedLine[] = []
  let bytes = 0

  const flush = async (): Promise<ImportProgress> => {
    const outcome = await commit(store, runtime, waiting)
    refusals.push(...outcome.refusals)
    total.stored += outcome.stored
    total.duplicates += outcome.duplicates
    total.refused += refusals.length
    const progress = { ...total, refusals: refusals.toSorted((a, b) => a.line - b.line) }
    waiting = []
    refusals = []
    bytes = 0
    return progress
  }

  for await (const line of lines) {
    if (signal?.aborted) break
    total.lines++
    try {
      const record = read(line, maxBytes, runtime.now())
      waiting.push({ line: line.number, record })
      bytes += dataBytes(record)
    } catch (error) {
      refusals.push(refusal(line.number, error))
    }
    if (waiting.length >= batch || refusals.length >= batch || bytes >= mostBytes) yield await flush()
  }
  yield await flush()
}

interface Waiting {
  readonly line: number
  readonly record: EventRecord
}

function read({ bytes }: ImportLine, maxBytes: number, now: number): EventRecord {
  if (bytes === undefined)
    throw new TidingsError('TIDINGS_TOO_LARGE', 'The line is longer than lines may be.', { details: { field: '' } })
  const record = fromStructured(bytes, { now, limits: { maxBytes: bytes.byteLength } })
  if (dataBytes(record) > maxBytes) {
    throw new TidingsError(
      'TIDINGS_TOO_LARGE',
      `The \`data\` takes ${dataBytes(record)} bytes; the limit is ${maxBytes}.`,
      { details: { field: 'data', limit: maxBytes } },
    )
  }
  // What could not be handled later is better refused now.
  verifyChecksum(record)
  eventOf(record)
  return record
}

interface Outcome {
  stored: number
  duplicates: number
  readonly refusals: RefusedLine[]
}

async function commit(store: Store, runtime: Runtime, waiting: readonly Waiting[]): Promise<Outcome> {
  const outcome: Outcome = { stored: 0, duplicates: 0, refusals: [] }
  if (waiting.length === 0) return outcome
  const { results, certain } = await committed(store, runtime, waiting)
  const standing = await readRepeated(store, results)
  for (const [at, { line, record }] of waiting.entries()) {
    const result = results[at] as CommitResult
    if (result.status === 'refused') outcome.refusals.push(refusal(line, result.error))
    else if (result.status === 'conflict')
      throw new TidingsError('TIDINGS_CONFLICT', 'The store reports a conflict where nothing was expected.')
    else if (!result.repeated) outcome.stored++
    else if (!isSame(standing.get(result.events[0]?.position ?? 0), record))
      outcome.refusals.push(refusal(line, taken()))
    // After a commit without an answer nobody can tell what it had stored; then these are ours.
    else if (certain) outcome.duplicates++
    else outcome.stored++
  }
  return outcome
}

async function committed(
  store: Store,
  runtime: Runtime,
  waiting: readonly Waiting[],
): Promise<{ readonly results: readonly CommitResult[]; readonly certain: boolean }> {
  const units = waiting.map(({ record }) => ({ append: [record] }))
  let certain = true
  for (let attempt = 1; ; attempt++) {
    try {
      return { results: await store.commit(units), certain }
    } catch (error) {
      const unknown = isTidingsError(error, 'TIDINGS_COMMIT_UNKNOWN')
      if (attempt === tries || !(unknown || isTidingsError(error, 'TIDINGS_STORE_UNAVAILABLE'))) throw error
      if (unknown) certain = false
      await sleep(runtime, firstWait * 2 ** (attempt - 1) * (0.5 + runtime.random()))
    }
  }
}

/** What the store had already, by position. A file that is imported again lies in one run of the log, so it is read as one. */
async function readRepeated(store: Store, results: readonly CommitResult[]): Promise<Map<Position, EventRecord>> {
  const positions = results
    .flatMap((result) =>
      result.status === 'committed' && result.repeated ? result.events.map(({ position }) => position) : [],
    )
    .toSorted((a, b) => a - b)
  const records = new Map<Position, EventRecord>()
  for (let at = 0; at < positions.length; ) {
    const first = positions[at] as Position
    let end = at
    while (end + 1 < positions.length && (positions[end + 1] as Position) - (positions[end] as Position) <= nearby)
      end++
    const last = positions[end] as Position
    for (let after = first - 1; after < last; ) {
      const { events, through } = await store.readAll({ after, upTo: last, limit: 500 })
      for (const { position, record } of events) records.set(position, record)
      if (through <= after) break
      after = through
    }
    at = end + 1
  }
  return records
}

/** Whether what stands says the same. Times are not compared: events without one got theirs when they were first read. */
function isSame(stored: EventRecord | undefined, record: EventRecord): boolean {
  // Retention has taken it: nothing is left to compare with.
  if (stored === undefined) return true
  return (
    stored.id === record.id &&
    stored.source === record.source &&
    stored.type === record.type &&
    stored.version === record.version &&
    streamText(stored) === streamText(record) &&
    sameData(stored, record)
  )
}

function sameData(a: EventRecord, b: EventRecord): boolean {
  if (typeof a.data === 'string' && typeof b.data === 'string') return a.data === b.data
  // Compression may differ from one writer to the next; what it holds may not.
  return JSON.stringify(eventOf(a).data) === JSON.stringify(eventOf(b).data)
}

function refusal(line: number, error: unknown): RefusedLine {
  if (!isTidingsError(error)) throw error
  const { field } = error.details
  return { line, code: error.code, field: typeof field === 'string' ? field : '', message: error.message }
}

function taken(): TidingsError {
  return new TidingsError(
    'TIDINGS_DUPLICATE_ID',
    'Its `id` belongs to another event of the same source; (source, id) is unique for ever.',
    { details: { field: 'id' } },
  )
}

function whole(field: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return
  throw new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` to be a whole number from 1 to ${most}.`, {
    details: { field },
  })
}
