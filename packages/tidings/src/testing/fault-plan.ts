import { type Duration, milliseconds } from '../kernel/duration.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Runtime } from '../kernel/runtime.ts'
import { type CommitPlace, commitPlaces } from './commit-places.ts'

/**
 * What can go wrong.
 *   `delay`         the call takes longer
 *   `fail`          nothing is applied or read: TIDINGS_STORE_UNAVAILABLE
 *   `lose answer`   the commit is applied, its caller gets TIDINGS_COMMIT_UNKNOWN
 *   `apply late`    its caller gets TIDINGS_COMMIT_UNKNOWN, and only later the commit is applied
 *   `crash before`  the process dies before the commit is applied
 *   `crash after`   the process dies when it is applied
 *   `crash reading` the process dies while it waits for what it has asked the store
 *   `lose`          a wake-up does not come
 *   `repeat`        a wake-up or a delivery comes twice
 *   `reorder`       deliveries of different partitions come in another order
 */
export const faultKinds = [
  'delay',
  'fail',
  'lose answer',
  'apply late',
  'crash before',
  'crash after',
  'crash reading',
  'lose',
  'repeat',
  'reorder',
] as const

export type FaultKind = (typeof faultKinds)[number]

/** Where: a commit, `read` (the log), `find` (documents), `wake` (a store's hint), `deliver` (a transport's deliveries). */
export type FaultPlace = CommitPlace | 'read' | 'find' | 'wake' | 'deliver'

const callPlaces: readonly string[] = [...commitPlaces, 'read', 'find', 'wake', 'deliver']

export interface FaultRule {
  readonly what: FaultKind
  /** Default: wherever it can happen. */
  readonly at?: FaultPlace | readonly FaultPlace[]
  /** How likely it is at each call, 0 to 1. Default 1. */
  readonly chance?: number
  /** Calls that are spared first. Default 0. */
  readonly skip?: number
  /** How often it happens at most. Default: again and again. */
  readonly times?: number
  /** How long a delay, or a late commit, takes: between these, at random. Default 1 to 100 ms. */
  readonly takes?: readonly [Duration, Duration]
  /** Once it has happened it happens at every such call for this long. */
  readonly lasts?: Duration
}

interface Rule {
  readonly what: FaultKind
  readonly at: ReadonlySet<FaultPlace> | undefined
  readonly chance: number
  readonly takes: readonly [number, number]
  readonly lasts: number
  skip: number
  times: number
  until: number
}

/** What strikes one call. */
export interface Strike {
  /** Milliseconds before anything else. */
  readonly delay: number
  readonly what: Exclude<FaultKind, 'delay'> | undefined
  /** Milliseconds, for `apply late`. */
  readonly late: number
}

const spared: Strike = Object.freeze({ delay: 0, what: undefined, late: 0 })

/** Faults to come. Rules may be added and taken away at any time; all chance comes from the runtime, so a seed repeats it. */
export class FaultPlan {
  readonly #rules = new Set<Rule>()
  readonly #crashes: (() => void)[] = []
  /** How often each kind has struck. */
  readonly struck: Map<FaultKind, number> = new Map()
  #crashed = false

  constructor(rules: readonly FaultRule[] = []) {
    for (const rule of rules) this.add(rule)
  }

  /** Returns how to take it away again. Throws `TIDINGS_INVALID_OPTION` that names all mistakes. */
  add(rule: FaultRule): () => void {
    const checked = check(rule)
    this.#rules.add(checked)
    return () => void this.#rules.delete(checked)
  }

  /** No more faults from now on. A process that has crashed stays so. */
  heal(): void {
    this.#rules.clear()
  }

  get crashed(): boolean {
    return this.#crashed
  }

  /** The process dies now: from here on no call is answered. Idempotent. */
  crash(): void {
    if (this.#crashed) return
    this.#crashed = true
    for (const run of this.#crashes) run()
  }

  onCrash(run: () => void): void {
    this.#crashes.push(run)
  }

  /** Decides over one call. `kinds` are those that can happen to it. */
  strike(runtime: Runtime, kinds: ReadonlySet<FaultKind>, places: ReadonlySet<FaultPlace>): Strike {
    if (this.#rules.size === 0) return spared
    let delay = 0
    let late = 0
    let what: Strike['what']
    for (const rule of this.#rules) {
      if (
        !kinds.has(rule.what) ||
        (rule.what !== 'delay' && what !== undefined) ||
        !meets(rule.at, places) ||
        !hits(rule, runtime)
      )
        continue
      this.struck.set(rule.what, (this.struck.get(rule.what) ?? 0) + 1)
      const [from, to] = rule.takes
      const takes = from + (to - from) * runtime.random()
      if (rule.what === 'delay') delay += takes
      else {
        what = rule.what
        late = takes
      }
    }
    return what === undefined && delay === 0 ? spared : { delay, what, late }
  }
}

function meets(at: Rule['at'], places: ReadonlySet<FaultPlace>): boolean {
  if (at === undefined) return true
  for (const place of places) if (at.has(place)) return true
  return false
}

function hits(rule: Rule, runtime: Runtime): boolean {
  if (runtime.monotonic() < rule.until) return true
  if (rule.times === 0) return false
  if (rule.skip > 0) {
    rule.skip--
    return false
  }
  if (rule.chance < 1 && runtime.random() >= rule.chance) return false
  rule.times--
  rule.until = runtime.monotonic() + rule.lasts
  return true
}

function check({
  what,
  at,
  chance = 1,
  skip = 0,
  times = Number.POSITIVE_INFINITY,
  takes = [1, 100],
  lasts = 0,
}: FaultRule): Rule {
  const places = at === undefined ? undefined : typeof at === 'string' ? [at] : at
  const mistakes: string[] = []
  if (!faultKinds.includes(what)) mistakes.push(`\`what\` to be one of ${faultKinds.join(', ')}`)
  if (places?.some((place) => !callPlaces.includes(place)))
    mistakes.push(`\`at\` to name places among ${callPlaces.join(', ')}`)
  if (!(chance >= 0 && chance <= 1)) mistakes.push('`chance` to be a number from 0 to 1')
  if (!(Number.isInteger(skip) && skip >= 0)) mistakes.push('`skip` to be a whole number from 0')
  if (!(times >= 0)) mistakes.push('`times` to be a number from 0')
  if (mistakes.length > 0)
    throw new TidingsError('TIDINGS_INVALID_OPTION', `Expected ${mistakes.join(', and ')} of a fault.`, {
      details: { mistakes },
    })
  return {
    what,
    at: places === undefined ? undefined : new Set(places),
    chance,
    skip,
    times,
    takes: [milliseconds(takes[0], 'takes[0]'), milliseconds(takes[1], 'takes[1]')],
    lasts: milliseconds(lasts, 'lasts'),
    until: Number.NEGATIVE_INFINITY,
  }
}
