import type { BusParts } from '../bus/bus-parts.ts'
import type { EventBus } from '../bus/event-bus.ts'
import { partsWithLog } from '../bus/parts-with-log.ts'
import { isCommandArchived } from '../bus/stream-archive.ts'
import { isTidingsError, TidingsError } from '../kernel/errors.ts'
import type { Published } from '../publisher/publisher.ts'
import { deadlineOf } from '../publisher/publisher-commits.ts'
import type { Receipt } from '../publisher/receipt.ts'
import { streamText } from '../store/store.ts'
import type { OpenUnit } from '../subscriber/open-unit.ts'
import { type Completed, completeEvents } from './complete-events.ts'
import {
  checkDecideOptions,
  type Decided,
  type DecideOptions,
  type Decision,
  defaultTries,
  draftsOf,
} from './decision.ts'
import type { Aggregate, StateOf } from './define-aggregate.ts'
import { areSame, expectationsOf, type Ground } from './ground.ts'
import { isWritten } from './is-written.ts'
import { joinUnit } from './join-unit.ts'
import { streamFor } from './load.ts'
import { isNested, queueUp, whileDeciding } from './queues.ts'
import { isDue, takeSnapshot } from './snapshots.ts'
import { historyGone, holdTypes, readState } from './stream-state.ts'
import { decisionsOf } from './unit-decisions.ts'
import { holdInUnit, readInUnit } from './unit-ground.ts'

/** An aggregate and the key of one of its things. */
// biome-ignore lint/suspicious/noExplicitAny: any is the only type that stands for every state.
// oxlint-disable-next-line typescript/no-explicit-any
export type Target = readonly [aggregate: Aggregate<any>, key: string]

export type StatesOf<Targets extends readonly Target[]> = { readonly [At in keyof Targets]: StateOf<Targets[At][0]> }

/** Given the states of several things, in the order in which they were named, says what happens to any of them. */
export type JointDecider<Targets extends readonly Target[]> = (
  states: StatesOf<Targets>,
  context: { readonly versions: readonly number[]; readonly attempt: number },
) => Decided | Promise<Decided>

export interface JointDecision<Targets extends readonly Target[]> extends Omit<Decision<never>, 'state' | 'version'> {
  readonly states: StatesOf<Targets>
  readonly versions: readonly number[]
}

/** Most streams of one decision. */
const mostTargets = 100

/**
 * Decides over several things at once: what is decided is written in one commit, and only if all of them stand as they were when it was decided, those
 * that were only looked at included. Else as `decide`.
 */
export async function decideAll<const Targets extends readonly Target[]>(
  bus: EventBus,
  targets: Targets,
  decider: JointDecider<Targets>,
  options: DecideOptions = {},
): Promise<JointDecision<Targets>> {
  checkDecideOptions(options)
  checkTargets(targets, options)
  const parts = partsWithLog(bus, 'An aggregate')
  const streams = targets.map(([aggregate, key]) => ({
    aggregate,
    stream: streamFor(aggregate, key, options.tenantId),
  }))
  if (new Set(streams.map(({ stream }) => streamText(stream))).size !== streams.length)
    throw invalid('targets', 'to name each thing once')
  const run = (): Promise<JointDecision<Targets>> => new Deciding(parts, bus.source, streams, decider, options).run()
  return options.within === undefined ? parts.enter(run) : run()
}

class Deciding<Targets extends readonly Target[]> {
  readonly #parts: BusParts
  readonly #source: string
  readonly #streams: readonly Pick<Ground, 'aggregate' | 'stream'>[]
  readonly #decider: JointDecider<Targets>
  readonly #options: DecideOptions
  readonly #unit: OpenUnit | undefined

  constructor(
    parts: BusParts,
    source: string,
    streams: readonly Pick<Ground, 'aggregate' | 'stream'>[],
    decider: JointDecider<Targets>,
    options: DecideOptions,
  ) {
    this.#parts = parts
    this.#source = source
    this.#streams = streams
    this.#decider = decider
    this.#options = options
    // The options were checked: it is one, though its public face does not say so.
    this.#unit = options.within as unknown as OpenUnit | undefined
  }

  async run(): Promise<JointDecision<Targets>> {
    const queued: { leave?: () => void } = {}
    const nested = isNested()
    const { store, runtime } = this.#parts
    const deadline = deadlineOf(this.#options)
    const until = runtime.monotonic() + deadline
    try {
      return await whileDeciding(() =>
        this.#run(async () => {
          if (!nested)
            queued.leave ??= await queueUp(
              this.#unit ?? store,
              this.#streams.map(({ stream }) => streamText(stream)),
              { runtime, until, deadline },
            )
        }),
      )
    } finally {
      queued.leave?.()
    }
  }

  async #run(beaten: () => Promise<void>): Promise<JointDecision<Targets>> {
    const { tries = defaultTries, expectedVersion, commandId } = this.#options
    const unit = this.#unit
    let earlier: readonly Ground[] | undefined
    let afresh = false
    for (let attempt = 1; ; attempt++) {
      const ground = await this.#ground(earlier, afresh)
      if (earlier !== undefined && !afresh && areSame(ground, earlier)) throw this.#unreadable(ground)
      const versions = ground.map(({ base }) => base.version)
      if (expectedVersion !== undefined && versions[0] !== expectedVersion)
        throw notAt(expectedVersion, versions[0] as number, ground[0] as Ground)
      if (await this.#isDone())
        return { ...this.#unchanged(await this.#ground(ground, false), attempt - 1), repeated: true }
      const states = ground.map(({ base }) => base.state) as unknown as StatesOf<Targets>
      const drafts = draftsOf(await this.#decider(states, { versions, attempt }))
      if (drafts.length === 0) return this.#unchanged(ground, attempt)
      const completed = await completeEvents(this.#parts, ground, drafts, this.#options)
      for (const { aggregate } of ground) {
        const types = completed.typesOf(aggregate.category)
        await (unit === undefined
          ? holdTypes(this.#parts.store, aggregate, types)
          : holdInUnit(this.#parts, unit, aggregate, types))
      }
      if (unit !== undefined) {
        if (await joinUnit(unit, ground, completed, commandId)) return this.#answer(completed, [], attempt)
        if (attempt >= tries) throw beatenWithin(ground)
        await beaten()
        continue
      }
      try {
        const published = await this.#publish(ground, completed)
        if (commandId === undefined || (await isWritten(this.#parts.store, completed, published)))
          return this.#answer(completed, published.receipts, attempt)
        return { ...this.#unchanged(await this.#ground(ground, false), attempt), repeated: true }
      } catch (error) {
        const again = isTidingsError(error, 'TIDINGS_CONFLICT') || this.#mayBeDone(error)
        if (!again || attempt >= tries || expectedVersion !== undefined) throw error
        const { expected, actual } = error.details as { readonly expected?: number; readonly actual?: number }
        // A snapshot from a time that this store knows nothing of, such as before a backup was restored.
        afresh = expected !== undefined && actual !== undefined && actual < expected
        earlier = ground
        await beaten()
      }
    }
  }

  /** Where all streams stand now. */
  async #ground(earlier: readonly Ground[] | undefined, afresh: boolean): Promise<readonly Ground[]> {
    const unit = this.#unit
    return Promise.all(
      this.#streams.map(async ({ aggregate, stream }, at) => {
        const text = streamText(stream)
        if (unit !== undefined)
          return { aggregate, stream, text, base: await readInUnit(this.#parts, unit, aggregate, stream) }
        const base = afresh ? undefined : earlier?.[at]?.base
        return { aggregate, stream, text, base: await readState(this.#parts, aggregate, stream, { base, afresh }) }
      }),
    )
  }

  /** Asked after the streams were read, so that a command which is done by then is seen either here or by the versions. */
  async #isDone(): Promise<boolean> {
    const { commandId } = this.#options
    if (commandId === undefined) return false
    if (this.#unit !== undefined && decisionsOf(this.#unit).commands.has(commandId)) return true
    const { store } = this.#parts
    // Where the event is moved between the two, the note of its stream is not as it was read, and all is done anew.
    const [{ events }, archived] = await Promise.all([
      store.readAll({ after: 0, limit: 100, id: `${commandId}/1` }),
      isCommandArchived(store, this.#source, commandId),
    ])
    return archived || events.some(({ record }) => record.source === this.#source)
  }

  #mayBeDone(error: unknown): error is TidingsError {
    return this.#options.commandId !== undefined && isTidingsError(error, 'TIDINGS_DUPLICATE_ID')
  }

  #publish(ground: readonly Ground[], { drafts, events }: Completed): Promise<Published> {
    const { deadline, commandId } = this.#options
    return this.#parts.publisher.publishEvents(
      drafts,
      events,
      commandId === undefined,
      ground.flatMap(expectationsOf),
      deadline === undefined ? {} : { deadline },
    )
  }

  #answer({ events, after }: Completed, receipts: readonly Receipt[], attempts: number): JointDecision<Targets> {
    if (this.#unit === undefined) {
      for (const { aggregate, stream, state, version, taken, known } of after)
        if (isDue(aggregate, version, taken))
          takeSnapshot(this.#parts, aggregate, stream, { state, at: version }, known)
    }
    return {
      states: after.map(({ state }) => state) as unknown as StatesOf<Targets>,
      versions: after.map(({ version }) => version),
      events,
      receipts,
      attempts,
    }
  }

  #unchanged(ground: readonly Ground[], attempts: number): JointDecision<Targets> {
    return {
      states: ground.map(({ base }) => base.state) as unknown as StatesOf<Targets>,
      versions: ground.map(({ base }) => base.version),
      events: [],
      receipts: [],
      attempts,
    }
  }

  /** The store says that a stream has gone on, and yet there is nothing to read: what made it go on has been removed. */
  #unreadable([first]: readonly Ground[]): TidingsError {
    const { stream, base } = first as Ground
    return historyGone(stream, base.version + 1, base.version + 1)
  }
}

function checkTargets(targets: readonly Target[], { expectedVersion }: DecideOptions): void {
  if (!Array.isArray(targets) || targets.length === 0 || targets.length > mostTargets)
    throw invalid('targets', `to be a list of 1 to ${mostTargets} pairs of an aggregate and a key`)
  for (const target of targets as readonly (Target | undefined)[])
    if (typeof target?.[0]?.evolve !== 'function') throw invalid('aggregate', 'to be made by defineAggregate')
  if (expectedVersion !== undefined && targets.length > 1) throw invalid('expectedVersion', 'for one thing only')
}

function beatenWithin([first]: readonly Ground[]): TidingsError {
  const { category } = (first as Ground).stream
  return new TidingsError(
    'TIDINGS_CONFLICT',
    `Other decisions of the same handler or transaction over the same stream of ${category} were faster each time.`,
    { details: { category } },
  )
}

function notAt(expected: number, actual: number, { stream }: Ground): TidingsError {
  return new TidingsError(
    'TIDINGS_CONFLICT',
    `The stream does not stand at the \`expectedVersion\` ${expected}; it stands at ${actual}.`,
    { details: { field: 'expectedVersion', expected, actual, category: stream.category } },
  )
}

function invalid(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` ${rule}.`, { details: { field } })
}
