import type { EventRecord } from '../events/record.ts'
import { isTidingsError, TidingsError } from '../kernel/errors.ts'
import { within } from '../kernel/lifecycle.ts'
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
import type { Behind, Joined, JoinedListener, JoiningEvent } from './joined-listener.ts'
import { storedAlready } from './stored-already.ts'
import { StreamQueues } from './stream-queues.ts'

export interface JoiningHost {
  readonly store: Store
  readonly runtime: Runtime
  /** Those that hear a type. */
  joining(type: string): readonly JoinedListener[]
}

type Appending = Unit & { readonly append: readonly EventRecord[] }

type Conflict = Extract<CommitResult, { status: 'conflict' }>

/** Commits a unit, within so many milliseconds. */
type Commit = (unit: Unit, left: number) => Promise<CommitResult>

/** A unit with what its read models write, and whom to tell when it is committed. */
export interface JoinedUnit {
  readonly unit: Unit
  readonly committed: () => void
}

/** Who is behind. */
interface Waiting extends Behind {
  readonly who: JoinedListener
}

/** Between two looks whether a read model has come up, in milliseconds. */
const every = 20

/** The same while the store is away. */
const away = 100

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
   * unit itself expects and is not so is answered. Rejects with what a read model's handler throws, with `TIDINGS_PROJECTION_BEHIND` where one does not
   * come up in time, with `TIDINGS_CLOSED` where its bus closes meanwhile, and with `TIDINGS_DEADLINE`; then nothing is written.
   */
  async commit(unit: Appending, deadline: number, commit: Commit): Promise<CommitResult> {
    const { runtime } = this.#host
    const until = runtime.monotonic() + deadline
    const left = (): number => Math.max(1, until - runtime.monotonic())
    const given = new Set((unit.expect ?? []).map(nameOf))
    // Who leaves meanwhile is not left out: the event is not to stand without its row.
    const listeners = this.#listenersOf(unit.append)
    const leave = await this.#queues.enter(streamsOf(unit.append, listeners), { runtime, until })
    if (leave === undefined) throw queuedTooLong()
    try {
      for (;;) {
        const joined = await this.#ready(unit, listeners, until).catch((error: unknown) =>
          this.#committedBefore(unit, commit, left(), error),
        )
        if ('status' in joined) return joined
        const result = await commit(joined.unit, left())
        if (result.status === 'committed' && !result.repeated) joined.committed()
        if (result.status !== 'conflict') return result
        this.#met(listeners, result)
        if (given.has(nameOf(result.expectation))) return result
        if (runtime.monotonic() >= until) throw beaten()
      }
    } finally {
      leave()
    }
  }

  /**
   * The unit as it can be committed right now, for whoever cannot begin anew: nothing is taken as it was remembered. Rejects with what the handlers throw, with
   * `TIDINGS_PROJECTION_BEHIND`, and with `TIDINGS_DEADLINE` after `deadline` milliseconds.
   */
  async now(unit: Appending, deadline: number): Promise<JoinedUnit> {
    const listeners = this.#listenersOf(unit.append)
    for (const listener of listeners) listener.forget()
    for (const stream of streamsOf(unit.append, listeners)) {
      // What has left the log counts on, and is remembered alone.
      this.#remember(stream, Math.max(this.#heads.get(stream) ?? 0, await this.#readHead(stream)))
    }
    const joined = await this.#unitOf(unit, listeners, deadline)
    if ('behind' in joined) throw behind(joined)
    return joined
  }

  /** Learns from a conflict. */
  met(records: readonly EventRecord[], result: Conflict): void {
    this.#met(this.#listenersOf(records), result)
  }

  #met(listeners: ReadonlySet<JoinedListener>, { expectation, actual }: Conflict): void {
    if ('stream' in expectation) this.#remember(streamText(expectation.stream), actual)
    else for (const listener of listeners) listener.forget()
  }

  /** The unit as it can be committed, as soon as nobody is behind and the store can be asked. */
  async #ready(unit: Appending, listeners: ReadonlySet<JoinedListener>, until: number): Promise<JoinedUnit> {
    const { runtime } = this.#host
    for (;;) {
      const joined = await this.#unitOf(unit, listeners, Math.max(1, until - runtime.monotonic())).catch(
        async (error: unknown) => {
          if (!isTidingsError(error, 'TIDINGS_STORE_UNAVAILABLE') || runtime.monotonic() + away > until) throw error
          await sleep(runtime, away)
          return undefined
        },
      )
      if (joined === undefined) continue
      if (!('behind' in joined)) return joined
      if (!this.#listenersOf(unit.append).has(joined.who)) throw closed(joined.who.name)
      if (runtime.monotonic() + every > until) throw behind(joined)
      await sleep(runtime, every)
    }
  }

  /** The same in time: a handler that hangs holds up nobody beyond the deadline, and what it still says is not heard. */
  async #unitOf(unit: Appending, listeners: ReadonlySet<JoinedListener>, ms: number): Promise<JoinedUnit | Waiting> {
    const joining = this.#join(unit, listeners)
    if (await within(this.#host.runtime, ms, joining)) return joining
    throw new TidingsError(
      'TIDINGS_DEADLINE',
      'A read model that shares the commit of its events did not say in time what they change; nothing was written.',
      { details: { names: [...listeners].map(({ name }) => name) } },
    )
  }

  async #join(unit: Appending, listeners: ReadonlySet<JoinedListener>): Promise<JoinedUnit | Waiting> {
    const given = unit.expect ?? []
    const { events, expect } = await this.#place(unit.append, given, listeners)
    const parts: Joined[] = []
    // Buses that share a store of this process may bring the same one along, each its own.
    const names = new Set<string>()
    for (const listener of listeners) {
      if (names.has(listener.name)) continue
      const joined = await listener.join(events.filter(({ record }) => listener.matches(record.type)))
      if (joined === 'queued') continue
      if ('behind' in joined) return { who: listener, behind: joined.behind }
      names.add(listener.name)
      parts.push(joined)
    }
    const committed = (): void => {
      for (const { stream, streamVersion } of events) this.#remember(stream, streamVersion)
      for (const part of parts) part.committed()
    }
    if (parts.length === 0) return { unit, committed }
    const statements: Statement[] = [...(unit.statements ?? []), ...parts.flatMap((part) => part.statements)]
    return {
      unit: {
        append: unit.append,
        expect: [...given, ...expect, ...parts.flatMap((part) => part.expect)],
        documents: [...(unit.documents ?? []), ...parts.flatMap((part) => part.documents)],
        ...(statements.length === 0 ? {} : { statements }),
      },
      committed,
    }
  }

  /** A handler may refuse what it has applied before: what has ids of its own may stand already, and then that is the answer. Else throws `error`. */
  async #committedBefore({ append }: Appending, commit: Commit, left: number, error: unknown): Promise<CommitResult> {
    const before = append.some(({ fresh }) => fresh === true)
      ? undefined
      : await storedAlready(append, (unit) => commit(unit, left))
    if (before === undefined) throw error
    return before
  }

  /** Where the events will stand, and what must be so that they do. */
  async #place(
    records: readonly EventRecord[],
    given: readonly Expectation[],
    listeners: ReadonlySet<JoinedListener>,
  ): Promise<{ readonly events: readonly JoiningEvent[]; readonly expect: readonly Expectation[] }> {
    const { store } = this.#host
    const versions = new Map<string, number>()
    const expect: Expectation[] = []
    for (const stream of streamsOf(records, listeners)) {
      const said = given.find((one) => 'stream' in one && streamText(one.stream) === stream)
      const version = said?.version ?? this.#heads.get(stream) ?? (await this.#readHead(stream))
      versions.set(stream, version)
      if (said === undefined) expect.push({ stream: parseStream(stream), version })
    }
    const events: JoiningEvent[] = []
    for (const record of records) {
      const stream = streamText(record)
      const version = versions.get(stream)
      if (version === undefined) continue
      versions.set(stream, version + 1)
      events.push({
        record,
        stream,
        streamVersion: version + 1,
        partition: partitionOf(stream, store.capabilities.partitions),
      })
    }
    return { events, expect }
  }

  /** What has left the log is not seen here; then the conflict tells the version. */
  async #readHead(stream: string): Promise<number> {
    const [last] = await this.#host.store.readStream(parseStream(stream), { reverse: true, limit: 1 })
    return last?.streamVersion ?? 0
  }

  #remember(stream: string, version: number): void {
    // To the back, so that the streams that are at rest are forgotten first.
    this.#heads.delete(stream)
    this.#heads.set(stream, version)
    if (this.#heads.size > remembered) this.#heads.delete(this.#heads.keys().next().value as string)
  }

  #listenersOf(records: readonly EventRecord[]): ReadonlySet<JoinedListener> {
    return new Set(records.flatMap(({ type }) => this.#host.joining(type)))
  }
}

/** Streams of the events that anybody of these hears. */
function streamsOf(records: readonly EventRecord[], listeners: ReadonlySet<JoinedListener>): readonly string[] {
  const heard = records.filter(({ type }) => [...listeners].some((listener) => listener.matches(type)))
  return [...new Set(heard.map((record) => streamText(record)))]
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

function behind({ who: { name }, behind: stream }: Waiting): TidingsError {
  const category = stream === undefined ? undefined : parseStream(stream).category
  return new TidingsError(
    'TIDINGS_PROJECTION_BEHIND',
    `The projection ${name} shares the commit of its events, and ${
      category === undefined
        ? 'its generations are being compared or switched'
        : `what stands before this one in its stream of ${category} is still to be applied; where it stays so, an event of that stream is parked`
    }. Nothing was written.`,
    {
      details: {
        name,
        waitsFor: category === undefined ? 'switch' : 'stream',
        ...(category !== undefined && { category }),
      },
    },
  )
}

function closed(name: string): TidingsError {
  return new TidingsError(
    'TIDINGS_CLOSED',
    `The projection ${name} shares the commit of its events, and its bus was closed while this one waited for it. Nothing was written.`,
    { details: { name } },
  )
}

function beaten(): TidingsError {
  return new TidingsError(
    'TIDINGS_DEADLINE',
    'Until the deadline, somebody else always came first to the stream, or to what a projection changes in the same commit; nothing was written.',
  )
}
