import type { EventRecord } from '../events/record.ts'
import { TidingsError } from '../kernel/errors.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import { partitionOf } from '../store/partitioner.ts'
import {
  type CommitResult,
  type Expectation,
  parseStream,
  type Statement,
  type Store,
  streamText,
  type Unit,
} from '../store/store.ts'
import type { Joined, JoinedListener, JoiningEvent } from './joined-listener.ts'
import { StreamQueues } from './stream-queues.ts'

export interface JoiningHost {
  readonly store: Store
  readonly runtime: Runtime
  /** Those that hear a type. */
  joining(type: string): readonly JoinedListener[]
}

/** A unit with what its read models write, and whom to tell when it is committed. */
export interface JoinedUnit {
  readonly unit: Unit
  readonly committed: () => void
}

/** Between two looks whether a read model has come up, in milliseconds. */
const every = 20

/** Most streams whose version is remembered, so that mostly nothing needs to be read. */
const remembered = 10_000

/**
 * Read models in the publisher's own commit. Their events are appended at a known version of their stream, behind nothing that is still to be applied; so
 * a row and its event become true together, and in order.
 */
export class Joining {
  readonly #host: JoiningHost
  /** The version that a stream had when it was last seen. */
  readonly #heads = new Map<string, number>()
  readonly #queues = new StreamQueues()

  constructor(host: JoiningHost) {
    this.#host = host
  }

  concerns(records: readonly EventRecord[]): boolean {
    return records.some(({ type }) => this.#host.joining(type).length > 0)
  }

  /**
   * Commits a unit with what its events change, again and again while somebody else appends to the same streams; `deadline` in milliseconds. What the
   * unit itself expects and is not so is answered. Rejects with what a read model's handler throws, and with `TIDINGS_PROJECTION_BEHIND` where one does not
   * come up in time; then nothing is written.
   */
  async commit(
    unit: Unit & { readonly append: readonly EventRecord[] },
    deadline: number,
    commit: (unit: Unit) => Promise<CommitResult>,
  ): Promise<CommitResult> {
    const { runtime } = this.#host
    const until = runtime.monotonic() + deadline
    const given = new Set((unit.expect ?? []).map(nameOf))
    const leave = await this.#queues.enter(this.#streamsOf(unit.append), { runtime, until })
    if (leave === undefined) throw queuedTooLong()
    try {
      for (;;) {
        const joined = await this.join(unit)
        if ('behind' in joined) {
          if (runtime.monotonic() + every > until) throw behind(joined.behind)
          await sleep(runtime, every)
          continue
        }
        const result = await commit(joined.unit)
        if (result.status === 'committed' && !result.repeated) joined.committed()
        if (result.status !== 'conflict') return result
        this.met(unit.append, result)
        if (given.has(nameOf(result.expectation)) || runtime.monotonic() > until) return result
      }
    } finally {
      leave()
    }
  }

  /** The unit as it can be committed now, or who is behind. */
  async join(
    unit: Unit & { readonly append: readonly EventRecord[] },
  ): Promise<JoinedUnit | { readonly behind: string }> {
    const given = unit.expect ?? []
    const { events, expect } = await this.#place(unit.append, given)
    const parts: Joined[] = []
    const told: (() => void)[] = []
    for (const listener of this.#listenersOf(unit.append)) {
      const heard = events.filter(({ record }) => listener.matches(record.type))
      const joined = await listener.join(heard)
      if (joined === 'behind') return { behind: listener.name }
      if (joined === 'queued') continue
      parts.push(joined)
      told.push(() => listener.joined(heard))
    }
    if (parts.length === 0) return { unit, committed: () => this.#remember(events) }
    const statements: Statement[] = [...(unit.statements ?? []), ...parts.flatMap((part) => part.statements)]
    return {
      unit: {
        append: unit.append,
        expect: [...given, ...expect, ...parts.flatMap((part) => part.expect)],
        documents: [...(unit.documents ?? []), ...parts.flatMap((part) => part.documents)],
        ...(statements.length === 0 ? {} : { statements }),
      },
      committed: () => {
        this.#remember(events)
        for (const tell of told) tell()
      },
    }
  }

  /** Learns from a conflict. */
  met(records: readonly EventRecord[], { expectation, actual }: Extract<CommitResult, { status: 'conflict' }>): void {
    if ('stream' in expectation) this.#heads.set(streamText(expectation.stream), actual)
    else for (const listener of this.#listenersOf(records)) listener.forget()
  }

  /** Where the events will stand, and what must be so that they do. */
  async #place(
    records: readonly EventRecord[],
    given: readonly Expectation[],
  ): Promise<{ readonly events: readonly JoiningEvent[]; readonly expect: readonly Expectation[] }> {
    const { store } = this.#host
    const versions = new Map<string, number>()
    const expect: Expectation[] = []
    const joining = new Set(this.#streamsOf(records))
    for (const stream of joining) {
      const name = parseStream(stream)
      const said = given.find((one) => 'stream' in one && streamText(one.stream) === stream)
      const version = said?.version ?? (await this.#headOf(stream))
      versions.set(stream, version)
      if (said === undefined) expect.push({ stream: name, version })
    }
    const events: JoiningEvent[] = []
    for (const record of records) {
      const stream = streamText(record)
      if (!joining.has(stream)) continue
      const streamVersion = (versions.get(stream) as number) + 1
      versions.set(stream, streamVersion)
      events.push({ record, stream, streamVersion, partition: partitionOf(stream, store.capabilities.partitions) })
    }
    return { events, expect }
  }

  async #headOf(stream: string): Promise<number> {
    const known = this.#heads.get(stream)
    if (known !== undefined) return known
    // What has left the log is not seen here; then the conflict tells the version.
    const [last] = await this.#host.store.readStream(parseStream(stream), { reverse: true, limit: 1 })
    return last?.streamVersion ?? 0
  }

  #remember(events: readonly JoiningEvent[]): void {
    for (const { stream, streamVersion } of events) {
      // To the back, so that the streams that are at rest are forgotten first.
      this.#heads.delete(stream)
      this.#heads.set(stream, streamVersion)
      if (this.#heads.size > remembered) this.#heads.delete(this.#heads.keys().next().value as string)
    }
  }

  #listenersOf(records: readonly EventRecord[]): ReadonlySet<JoinedListener> {
    return new Set(records.flatMap(({ type }) => this.#host.joining(type)))
  }

  #streamsOf(records: readonly EventRecord[]): readonly string[] {
    const heard = records.filter(({ type }) => this.#host.joining(type).length > 0)
    return [...new Set(heard.map((record) => streamText(record)))]
  }
}

function queuedTooLong(): TidingsError {
  return new TidingsError(
    'TIDINGS_DEADLINE',
    'Other publishes to the same stream, whose read models share their commit, did not end in time. Nothing was written.',
  )
}

function nameOf(expectation: Expectation): string {
  return 'stream' in expectation
    ? `stream ${streamText(expectation.stream)}`
    : `document ${expectation.collection}\n${expectation.id}`
}

export function behind(name: string): TidingsError {
  return new TidingsError(
    'TIDINGS_PROJECTION_BEHIND',
    `The projection ${name} shares the commit of its events, and has not applied what stands before this one in its stream, or is being switched. Nothing was written.`,
    { details: { name } },
  )
}
