import { TidingsError } from '../kernel/errors.ts'

export interface BreakerOptions {
  /** Failures in a row, without a success between, that open it. Default 10. */
  readonly failures?: number
  /** Over at least how many different streams those failures must lie: one poisoned stream alone says nothing about a dependency. Default 5. */
  readonly streams?: number
  /** First cool-down in milliseconds; it doubles each time a probe fails. Default 1,000. */
  readonly coolDown?: number
  /** Longest cool-down in milliseconds. Default 10,000. */
  readonly maxCoolDown?: number
  /** How many are let through at once after a cool-down, and must all succeed to close it. Default 1. */
  readonly probes?: number
}

/** A failure as its owner knows it; whatever else it carries is handed back as it was. */
export interface BreakerFailure {
  readonly stream: string
}

/** Leave to try, valid for the state that gave it. One object serves everybody who enters in the same state. */
export interface Pass {
  readonly kind: 'go' | 'probe'
}

export interface BreakerSnapshot {
  readonly state: 'closed' | 'open' | 'half-open'
  /** Failures in a row, and over how many streams. */
  readonly failures: number
  readonly streams: number
  /** Milliseconds until the next probe; 0 unless open. */
  readonly retryIn: number
  /** How often it has opened since it was made. */
  readonly openings: number
}

/**
 * - closed: all may enter; it counts failures in a row.
 * - open: nobody may enter until the cool-down is over.
 * - half-open: as many as `probes` may enter; if all succeed it closes, if one fails it opens for longer.
 *
 * Every state hands out its own pass, and a result that comes with the pass of an earlier state is ignored.
 */
type State<Failure> =
  | { readonly kind: 'closed'; readonly pass: Pass; readonly row: Failure[]; readonly streams: Map<string, number> }
  | { readonly kind: 'open'; readonly until: number; readonly round: number }
  | { readonly kind: 'half-open'; readonly pass: Pass; readonly round: number; flying: number; succeeded: number }

/** Most failures in a row that are remembered; older ones are forgotten, so one stream failing for ever needs no more room. */
const remembered = 1_000

const none: readonly never[] = Object.freeze([])

/**
 * Tells a broken dependency from a broken event. All times are monotonic milliseconds. Results that are returned list the
 * failures whose attempts should not count, because the dependency and not the event was at fault.
 */
export class Breaker<Failure extends BreakerFailure = BreakerFailure> {
  readonly #failures: number
  readonly #streams: number
  readonly #coolDown: number
  readonly #maxCoolDown: number
  readonly #probes: number
  #state: State<Failure> = closed()
  #openings = 0
  /** The streams whose probes have failed since it was last closed. */
  readonly #blamed = new Set<string>()
  #latest: string | undefined

  constructor(options: BreakerOptions = {}) {
    this.#failures = atLeast(1, options.failures ?? 10, 'failures')
    this.#streams = atLeast(1, options.streams ?? 5, 'streams')
    this.#coolDown = atLeast(0, options.coolDown ?? 1_000, 'coolDown')
    this.#maxCoolDown = atLeast(this.#coolDown, options.maxCoolDown ?? Math.max(10_000, this.#coolDown), 'maxCoolDown')
    this.#probes = atLeast(1, options.probes ?? 1, 'probes')
    if (this.#failures > remembered)
      throw new TidingsError(
        'TIDINGS_INVALID_OPTION',
        `Expected \`failures\` of the breaker to be at most ${remembered}.`,
      )
  }

  /**
   * A pass to try with, or the milliseconds after which to ask again. Whoever got a pass must give it back with exactly one
   * of the four calls below. Send probes of different streams one after another: those that fail again and again, and are fewer than `streams`, are blamed themselves.
   */
  tryEnter(now: number): Pass | number {
    const state = this.#state
    if (state.kind === 'closed') return state.pass
    if (state.kind === 'open') {
      if (now < state.until) return Math.max(1, Math.ceil(state.until - now))
      this.#become({ kind: 'half-open', pass: { kind: 'probe' }, round: state.round, flying: 1, succeeded: 0 })
      return (this.#state as { pass: Pass }).pass
    }
    if (state.flying + state.succeeded >= this.#probes) return Math.max(1, this.#coolDown)
    state.flying++
    return state.pass
  }

  onSuccess(pass: Pass): void {
    const state = this.#stateOf(pass)
    if (state?.kind === 'closed') {
      if (state.row.length > 0) this.#become({ ...closed<Failure>(), pass: state.pass })
    } else if (state?.kind === 'half-open') {
      state.flying--
      state.succeeded++
      if (state.succeeded >= this.#probes) this.#become(closed())
    }
  }

  /**
   * The failures whose attempts do not count: those that opened it, the probe, or one that began before it opened and ends while it is open. Empty: the
   * attempt counts.
   */
  onFailure(pass: Pass, failure: Failure, now: number): readonly Failure[] {
    const state = this.#stateOf(pass)
    if (state === undefined) return this.#state.kind === 'closed' ? none : [failure]
    if (state.kind === 'half-open') {
      // Events that are bad in themselves must not hold the breaker open for ever by being the probes in turn.
      const again =
        this.#latest === failure.stream || (this.#blamed.has(failure.stream) && this.#blamed.size < this.#streams)
      this.#latest = failure.stream
      if (this.#blamed.size < remembered) this.#blamed.add(failure.stream)
      this.#open(state.round + 1, now)
      return again ? none : [failure]
    }
    count(state, failure)
    if (state.row.length < this.#failures || state.streams.size < this.#streams) return none
    this.#open(0, now)
    return state.row
  }

  /** A dependency could not be reached, which opens it at once. Never counts as an attempt; returns earlier failures in a row. */
  onUnavailable(pass: Pass, now: number): readonly Failure[] {
    const state = this.#stateOf(pass)
    if (state === undefined) return none
    this.#open(state.kind === 'half-open' ? state.round + 1 : 0, now)
    return state.kind === 'closed' ? state.row : none
  }

  /** The try ended without saying anything: withdrawn by shutdown, by a lost lease, or never begun. */
  onWithdrawn(pass: Pass): void {
    const state = this.#stateOf(pass)
    if (state?.kind === 'half-open') state.flying--
  }

  snapshot(now: number): BreakerSnapshot {
    const state = this.#state
    const row = state.kind === 'closed' ? state : undefined
    return {
      state: state.kind,
      failures: row?.row.length ?? 0,
      streams: row?.streams.size ?? 0,
      retryIn: state.kind === 'open' ? Math.max(0, Math.ceil(state.until - now)) : 0,
      openings: this.#openings,
    }
  }

  #stateOf(pass: Pass): Exclude<State<Failure>, { kind: 'open' }> | undefined {
    const state = this.#state
    return state.kind !== 'open' && state.pass === pass ? state : undefined
  }

  #open(round: number, now: number): void {
    const wait = Math.min(this.#maxCoolDown, this.#coolDown * 2 ** round)
    this.#become({ kind: 'open', until: now + wait, round })
  }

  /** The one place of transition. */
  #become(next: State<Failure>): void {
    if (next.kind === 'open') this.#openings++
    if (next.kind === 'closed') {
      this.#blamed.clear()
      this.#latest = undefined
    }
    this.#state = next
  }
}

function closed<Failure>(): Extract<State<Failure>, { kind: 'closed' }> {
  return { kind: 'closed', pass: { kind: 'go' }, row: [], streams: new Map() }
}

function count<Failure extends BreakerFailure>(
  state: { readonly row: Failure[]; readonly streams: Map<string, number> },
  failure: Failure,
): void {
  const { row, streams } = state
  row.push(failure)
  streams.set(failure.stream, (streams.get(failure.stream) ?? 0) + 1)
  if (row.length <= remembered) return
  const oldest = row.shift() as Failure
  const left = (streams.get(oldest.stream) ?? 1) - 1
  if (left === 0) streams.delete(oldest.stream)
  else streams.set(oldest.stream, left)
}

function atLeast(least: number, value: number, field: string): number {
  if (Number.isFinite(value) && value >= least) return value
  throw new TidingsError(
    'TIDINGS_INVALID_OPTION',
    `Expected \`${field}\` of the breaker to be a number of at least ${least}.`,
    { details: { field } },
  )
}
