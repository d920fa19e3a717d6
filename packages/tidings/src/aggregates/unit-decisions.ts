import type { Event } from '../events/event.ts'
import { streamOf } from '../publisher/expected-version.ts'
import { streamText } from '../store/store.ts'
import type { OpenUnit } from '../subscriber/open-unit.ts'
import type { After, Completed } from './complete-events.ts'
import type { Ground } from './ground.ts'

/** A stream that a unit has decided over, as it will be once the unit is committed. */
export interface Pending extends After {
  /** What the first decision over it stood on; the commit checks it. */
  readonly first: Ground
  /** What was decided there so far. */
  readonly events: readonly Event<unknown>[]
}

/** What one unit has decided so far. */
export class UnitDecisions {
  /** By stream, as text. */
  readonly streams: Map<string, Pending> = new Map()
  /** By category: the types that the unit notes as kept. */
  readonly kept: Map<string, ReadonlySet<string>> = new Map()
  /** The commands that have led to events of the unit. */
  readonly commands: Set<string> = new Set()
  #joining: Promise<unknown> = Promise.resolve()

  /** Resolves when no decision is just joining. */
  async quiet(): Promise<void> {
    await this.#joining
  }

  /** Runs `join` when no other decision is just joining. */
  async alone<Result>(join: () => Promise<Result>): Promise<Result> {
    const joining = this.#joining.then(join)
    this.#joining = joining.catch(() => {})
    return joining
  }

  /** Whether another decision has joined over one of these streams since they were looked at. */
  isBehind(ground: readonly Ground[]): boolean {
    return ground.some(({ text, base }) => {
      const pending = this.streams.get(text)
      return (
        pending !== undefined && !(pending.version === base.version && pending.known.version === base.known.version)
      )
    })
  }

  /** Takes note of a decision, before its events join. */
  add(ground: readonly Ground[], { events, after }: Completed): void {
    for (const [at, one] of after.entries()) {
      const before = this.streams.get(one.text)
      const own = events.filter((event) => streamText(streamOf(event)) === one.text)
      this.streams.set(one.text, {
        ...one,
        first: before?.first ?? (ground[at] as Ground),
        events: [...(before?.events ?? []), ...own],
      })
    }
  }
}

/** By unit. */
const decisions = new WeakMap<OpenUnit, UnitDecisions>()

export function decisionsOf(unit: OpenUnit): UnitDecisions {
  let found = decisions.get(unit)
  if (found === undefined) decisions.set(unit, (found = new UnitDecisions()))
  return found
}
