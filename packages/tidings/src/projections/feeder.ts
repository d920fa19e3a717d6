import type { Attached } from '../bus/attachment.ts'
import type { BusParts } from '../bus/bus-parts.ts'
import type { EventBus } from '../bus/event-bus.ts'
import { headOf } from '../bus/registration.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Timer } from '../kernel/runtime.ts'
import type { Position } from '../store/store.ts'
import { applyTo } from './apply-event.ts'
import { carryOn } from './carry-on.ts'
import { type Generation, isFed, liveOf, type ProjectionState, subscriptionName } from './generation.ts'
import { createTables, createViews } from './generation-sql.ts'
import { joinedProjection } from './joined-projection.ts'
import { isThrough, type Local, readProgress } from './progress.ts'
import type { ProjectionSettings } from './projection-settings.ts'
import { changeState, readState, replaceState, type Together } from './state-store.ts'
import { beginBuild, firstState, type Made, noteCaughtUp, startAsked } from './transitions.ts'

/** Time between looks at what operators and other processes have decided, in milliseconds; shorter while a build is under way. */
const every = 1_000
const whileBuilding = 250

/**
 * One projection in one process: makes generations, feeds those of its own version, and carries on with what is under way. All it knows is in the store, so
 * any process may go on where another has died.
 */
export class Feeder implements Attached {
  readonly #bus: EventBus
  readonly #parts: BusParts
  readonly #settings: ProjectionSettings
  /** By number, those that this process feeds. */
  readonly #fed = new Set<number>()
  /** By number, from where and since when a build with a rate goes. */
  readonly #paces = new Map<number, { readonly from: Position; readonly since: number }>()
  #timer: Timer | undefined
  #looking: Promise<void> | undefined
  #closed = false
  /** Ends its part in the commits of this process. */
  #part: (() => void) | undefined
  #warned = false

  constructor(bus: EventBus, parts: BusParts, settings: ProjectionSettings) {
    this.#bus = bus
    this.#parts = parts
    this.#settings = settings
  }

  async prepare(): Promise<void> {
    await this.#feed(await this.#ensure())
    if (this.#settings.mode === 'same-commit')
      this.#part ??= this.#parts.join(joinedProjection(this.#parts, this.#settings))
  }

  started(): void {
    this.#schedule(whileBuilding)
  }

  async close(): Promise<void> {
    this.#closed = true
    const phase = this.#parts.phase()
    // A bus that closes lets its listeners go last: what is on its way until then is not to stand without its rows.
    if (phase !== 'draining' && phase !== 'closed') this.#part?.()
    this.#timer?.cancel()
    await this.#looking
  }

  /** What this process has committed of a generation beyond what its checkpoints say. */
  local(generation: number): Local {
    const engine = this.#parts.engines.get(subscriptionName(this.#settings.name, generation))
    return (partition) => engine?.lowOf(partition)
  }

  #schedule(wait: number): void {
    if (this.#closed) return
    this.#timer = this.#parts.runtime.setTimer(wait, () => {
      let next = every
      this.#looking = this.#look()
        .then((building) => {
          if (building) next = whileBuilding
        })
        .catch((error: unknown) => {
          // The store is away, or refuses: the next look asks again.
          this.#parts.log('warn', 'A projection could not look after its generations; it tries again', {
            projection: this.#settings.name,
            error: (error as Error).message,
          })
        })
        .finally(() => {
          this.#looking = undefined
          this.#schedule(next)
        })
    })
  }

  /** Answers whether a build is under way. */
  async #look(): Promise<boolean> {
    const state = await this.#ensure()
    await this.#feed(state)
    this.#limit(state)
    const { store, runtime, log } = this.#parts
    const after = await carryOn(
      {
        store,
        runtime,
        log,
        settings: this.#settings,
        name: this.#settings.name,
        keep: this.#settings.keep,
        local: (generation) => this.local(generation),
        held: (held) => this.#limit(held),
        closed: () => this.#closed,
      },
      state,
    )
    if (this.#closed) return false
    await this.#feed(after)
    this.#limit(after)
    const comesUp = await this.#comesUp(after)
    return (
      comesUp ||
      after.hold !== undefined ||
      after.generations.some((one) => one.state === 'building' || one.state === 'asked')
    )
  }

  /** Whether publishers do not share the commits of a projection yet since it is new to an old log. It is noted when it has come up. */
  async #comesUp(state: ProjectionState): Promise<boolean> {
    const { store, runtime } = this.#parts
    const { name } = this.#settings
    const live = liveOf(state)
    if (live?.joined !== true || live.caughtUpAt !== undefined || !this.#fed.has(live.number)) return false
    const progress = await readProgress(store, name, live, this.local(live.number))
    if (!(await isThrough(store, live, progress, live.target, 20))) return true
    await changeState(store, name, (current) => current && noteCaughtUp(current, live.number, runtime.now()))
    return false
  }

  /** Makes what has to be there before anything can be fed. */
  async #ensure(): Promise<ProjectionState> {
    const { store } = this.#parts
    for (;;) {
      const { state, version } = await readState(store, this.#settings.name)
      const wanted = await this.#wanted(state)
      if (wanted === undefined) return state as ProjectionState
      if (await replaceState(store, wanted.state, version, wanted.together)) return wanted.state
    }
  }

  async #wanted(
    state: ProjectionState | undefined,
  ): Promise<{ readonly state: ProjectionState; readonly together: Together } | undefined> {
    const { name, version, tables, indexes, shape } = this.#settings
    const { store, runtime, log } = this.#parts
    const begin = async (reason: 'first' | 'version') => ({
      ...made(this.#settings),
      reason,
      by: 'code',
      now: runtime.now(),
      head: await headOf(store),
      switch: this.#settings.switch,
    })
    const create = (number: number) => createTables(number, tables, indexes)
    if (state === undefined) {
      const first = firstState(name, await begin('first'))
      const [generation] = first.generations as readonly [Generation]
      return { state: first, together: { statements: [...create(1), ...createViews(generation)] } }
    }
    const ours = state.generations.filter((one) => one.version === version && one.state !== 'leaving')
    const other = ours.find((one) => one.state !== 'asked' && one.shape !== shape)
    if (other !== undefined) throw changed(this.#settings, other)
    const asked = ours.find((one) => one.state === 'asked')
    if (asked !== undefined) {
      const next = startAsked(state, asked.number, made(this.#settings), await headOf(store), runtime.now())
      log('info', 'A projection is rebuilt', { projection: name, generation: asked.number })
      return { state: next, together: { statements: create(asked.number) } }
    }
    if (ours.length > 0 || this.#stoppedAt(state)) return undefined
    const next = beginBuild(state, await begin('version'))
    log('info', 'A projection is built in a new version', { projection: name, version, generation: next.last })
    return { state: next, together: { statements: create(next.last) } }
  }

  /** Whether this process has nothing to build although no generation is of its version. */
  #stoppedAt(state: ProjectionState): boolean {
    const { name, version } = this.#settings
    const live = liveOf(state)
    const older = live !== undefined && version < live.version
    const stopped = state.stopped?.includes(version) === true
    if ((older || stopped) && !this.#warned) {
      this.#warned = true
      this.#parts.log('warn', 'This process feeds no generation of a projection', {
        projection: name,
        version,
        live: live?.version,
        why: older
          ? 'readers see a newer version already'
          : 'an operator has stopped this version; a rebuild begins it again',
      })
    }
    return older || stopped
  }

  async #feed(state: ProjectionState): Promise<void> {
    const { version } = this.#settings
    const wanted = state.generations.filter((one) => one.version === version && isFed(one))
    for (const number of this.#fed) {
      if (wanted.some((one) => one.number === number)) continue
      this.#fed.delete(number)
      this.#paces.delete(number)
      await this.#parts.endSubscription(subscriptionName(this.#settings.name, number), 5_000)
    }
    for (const generation of wanted) if (!this.#closed) this.#subscribe(generation)
  }

  #subscribe({ number, state, target }: Generation): void {
    const { settings } = this
    const name = subscriptionName(settings.name, number)
    // A build takes places that nobody else wants.
    const priority = state === 'building' ? 'low' : 'normal'
    // One that could not start is declared again.
    if (this.#fed.has(number) && this.#parts.failure(name) === undefined) {
      this.#parts.engines.get(name)?.setPriority(priority)
      return
    }
    // What was in the log before it began cannot have been applied in its own commit.
    if (settings.mode === 'same-commit') this.#parts.joined.set(name, target)
    this.#bus.subscribe(
      settings.definitions,
      {
        name,
        from: 'beginning',
        order: settings.order,
        onPoison: settings.onPoison,
        window: settings.window,
        concurrency: 100,
        priority,
        ...(settings.retry === undefined ? {} : { retry: settings.retry }),
      },
      applyTo(this.#parts.store, settings, number),
    )
    this.#fed.add(number)
  }

  get settings(): ProjectionSettings {
    return this.#settings
  }

  /** What feeders of all processes do while generations are compared, and how fast builds go. */
  #limit(state: ProjectionState): void {
    const { runtime, engines } = this.#parts
    const held = state.hold !== undefined && state.hold.until > runtime.now() ? state.hold.at : Number.POSITIVE_INFINITY
    for (const generation of state.generations) {
      if (!this.#fed.has(generation.number)) continue
      const engine = engines.get(subscriptionName(this.#settings.name, generation.number))
      // What is left is little by then, and others wait for it.
      engine?.limitTo(held === Number.POSITIVE_INFINITY ? this.#pace(generation) : held)
    }
  }

  #pace({ number, state, rate }: Generation): Position {
    if (rate === undefined || state !== 'building') {
      this.#paces.delete(number)
      return Number.POSITIVE_INFINITY
    }
    const { runtime, store, engines } = this.#parts
    const now = runtime.monotonic()
    let pace = this.#paces.get(number)
    if (pace === undefined) {
      const engine = engines.get(subscriptionName(this.#settings.name, number))
      let from = Number.POSITIVE_INFINITY
      for (let partition = 0; partition < store.capabilities.partitions; partition++)
        from = Math.min(from, engine?.lowOf(partition) ?? Number.POSITIVE_INFINITY)
      // It owns nothing yet.
      if (from === Number.POSITIVE_INFINITY) return 0
      this.#paces.set(number, (pace = { from, since: now }))
    }
    return pace.from + Math.ceil((rate * (now - pace.since + whileBuilding)) / 1_000)
  }
}

function made({ version, shape, definitions, tables, documents, mode, keep }: ProjectionSettings): Made {
  return {
    version,
    shape,
    types: definitions.map(({ type }) => type).sort(),
    tables: Object.keys(tables),
    collections: Object.keys(documents),
    joined: mode === 'same-commit',
    keep,
  }
}

function changed({ name, version }: ProjectionSettings, { number }: Generation): TidingsError {
  return new TidingsError(
    'TIDINGS_PROJECTION_CHANGED',
    `Projection ${name} hears other events, writes to other tables or collections, or applies them in another order or \`mode\`, than version ${version} did when its generation ${number} was made. ` +
      'Raise `version`: the new one is then built beside the old one.',
    { details: { name, version, generation: number } },
  )
}
