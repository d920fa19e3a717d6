import { hash } from 'node:crypto'

import { type Unit, type VirtualRuntime, virtualRuntime } from 'tidings/spi'

import { Disk } from './disk.ts'
import type { Appended, Effect, Invariant, Published, Run } from './facts.ts'
import type { Profile } from './profile.ts'

/** A promise that was broken, and when. */
export interface Violation {
  readonly invariant: number
  readonly message: string
  /** Virtual milliseconds since the world began. */
  readonly at: number
}

/**
 * Everything that is known of one simulated world: the time, the disk, and the books of what happened. Whoever sees a promise broken says so by
 * `fail`; whoever reaches a state that is worth reaching, by `sometimes`.
 */
export class World {
  readonly seed: number
  readonly profile: Profile
  readonly runtime: VirtualRuntime
  readonly disk: Disk
  readonly invariants: Invariant[] = []

  readonly events: Map<string, Appended> = new Map()
  readonly published: Published[] = []
  /** By subscription and event. */
  readonly runs: Map<string, Run[]> = new Map()
  /** Versions of the fences, by owner id. */
  readonly fences: Map<string, { version: number; by: string }> = new Map()
  /** Events that an operator has taken out, by subscription and event. */
  readonly dropped: Set<string> = new Set()
  /** What is still to be handled or taken out, by subscription and event. */
  readonly owed: Set<string> = new Set()
  /** Poison that was mended, by subscription and event. */
  readonly mended: Set<string> = new Set()
  readonly reached: Set<string> = new Set()

  /** While true the dependency of some handlers cannot be reached. */
  away = false
  /** True from when nothing new goes wrong any more. */
  calm = false
  violation: Violation | undefined
  /** What happened, in order; the hash is taken over all of it at once. */
  readonly #story: string[] = []
  readonly lines: string[] | undefined

  readonly #hearing: ReadonlyMap<string, readonly string[]>

  constructor(
    seed: number,
    profile: Profile,
    options: { readonly keepTrace?: boolean; readonly hearing: ReadonlyMap<string, readonly string[]> },
  ) {
    this.#hearing = options.hearing
    this.seed = seed
    this.profile = profile
    this.lines = options.keepTrace === true ? [] : undefined
    this.runtime = virtualRuntime({ seed })
    this.disk = new Disk(
      {
        appended: (event) => {
          this.events.set(event.id, event)
          for (const name of this.heardBy(event.record.type)) this.owed.add(`${name}|${event.id}`)
          this.trace(`append ${event.position} ${event.record.type} ${event.stream} by ${event.by}`)
          for (const invariant of this.invariants) invariant.appended?.(event)
        },
        committed: (commit) => {
          this.detail(() => `  commit by ${commit.by}: ${summary(commit.unit)}`)
          for (const change of commit.unit.documents ?? []) {
            if (change.collection === 'fences' && 'put' in change) {
              const before = this.fences.get(change.id)
              if (before !== undefined && before.by !== commit.by) this.sometimes('a partition was taken over')
              this.fences.set(change.id, { version: (before?.version ?? 0) + 1, by: commit.by })
              this.trace(`fence ${change.id} ${(before?.version ?? 0) + 1} by ${commit.by}`)
            }
          }
          for (const invariant of this.invariants) invariant.committed?.(commit)
        },
        repeated: ({ by, unit }) => this.detail(() => `  commit repeated by ${by}: ${summary(unit)}`),
        conflicted: (conflict) => {
          this.trace(`conflict ${conflict.collection} by ${conflict.by}`)
          this.detail(() => `  refused: ${summary(conflict.unit)}`)
          for (const invariant of this.invariants) invariant.conflicted?.(conflict)
        },
        counted: (id, by, count) => {
          const at = id.indexOf('|')
          const event = this.events.get(id.slice(at + 1))
          if (event === undefined) return this.fail(1, `an effect of an event that was never stored: ${id}`)
          this.owed.delete(id)
          const effect: Effect = { subscription: id.slice(0, at), event, by, count }
          this.trace(`effect ${effect.subscription} ${event.position} by ${by}`)
          for (const invariant of this.invariants) invariant.effect?.(effect)
        },
        damages: (record) => {
          if (!profile.damage || this.calm || record.type === 'note.taken' || !this.chance(0.01)) return false
          this.sometimes('a stored event was damaged')
          return true
        },
      },
      // Both ways in turn, whatever else a seed is about.
      { bytesOnly: profile.bytesOnly, commitsAtOnce: 1 + (seed % 2) },
    )
  }

  /** Names of the subscriptions that hear a type. */
  heardBy(type: string): readonly string[] {
    return this.#hearing.get(type) ?? []
  }

  get now(): number {
    return this.runtime.monotonic()
  }

  fail(invariant: number, message: string): void {
    this.violation ??= { invariant, message, at: Math.round(this.now) }
  }

  sometimes(what: string): void {
    this.reached.add(what)
  }

  trace(line: string): void {
    const text = `${Math.round(this.now * 100) / 100} ${line}\n`
    this.#story.push(text)
    this.lines?.push(text)
  }

  /** More for those who read the trace; no part of its hash. */
  detail(line: () => string): void {
    this.lines?.push(`${Math.round(this.now * 100) / 100} ${line()}\n`)
  }

  /** What happened, as one number. */
  traceHash(): string {
    return hash('sha256', this.#story.join(''), 'hex')
  }

  chance(likelihood: number): boolean {
    return this.runtime.random() < likelihood
  }

  between(from: number, to: number): number {
    return from + (to - from) * this.runtime.random()
  }

  pick<T>(some: readonly T[]): T {
    return some[Math.floor(this.runtime.random() * some.length)] as T
  }

  /** Calls in `ms` of virtual time, whatever becomes of any instance. */
  after(ms: number, run: () => void): void {
    this.runtime.setTimer(ms, run)
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve))
  }

  began(run: Run): void {
    const key = `${run.subscription}|${run.event.id}`
    const runs = this.runs.get(key)
    this.trace(`begin ${run.subscription} ${run.event.position} #${run.attempt} at ${run.instance}`)
    for (const invariant of this.invariants) invariant.began?.(run)
    if (runs === undefined) this.runs.set(key, [run])
    else runs.push(run)
  }

  ended(run: Run, outcome: 'returned' | 'threw', error?: unknown): void {
    run.ended = this.now
    run.outcome = outcome
    run.error = error
    this.trace(`end ${run.subscription} ${run.event.position} #${run.attempt} at ${run.instance} ${outcome}`)
    for (const invariant of this.invariants) invariant.ended?.(run)
  }

  /** The outside world is called under this idempotency key. */
  charge(run: Run, key: string): void {
    this.trace(`charge ${run.event.position} at ${run.instance}`)
    for (const invariant of this.invariants) invariant.charged?.(run, key)
  }

  answered(publish: Published): void {
    this.trace(`answer ${publish.token} ${publish.status}`)
    for (const invariant of this.invariants) invariant.published?.(publish)
  }
}

function summary({ expect = [], append = [], documents = [], statements = [] }: Unit): string {
  const expected = expect.map((one) =>
    'collection' in one ? `${one.collection}/${one.id}@${one.version}` : `stream@${one.version}`,
  )
  const changed = documents.map((change) =>
    'put' in change
      ? `+${change.collection}/${change.id}${change.collection === 'checkpoints' ? change.put : ''}`
      : `-${change.collection}/${change.id}`,
  )
  return [
    `expect ${expected.join(' ')}`,
    ...changed,
    `${append.length} events`,
    ...statements.map(({ values }) => String(values[0])),
  ]
    .join(', ')
    .replaceAll('\u001f', '·')
}
