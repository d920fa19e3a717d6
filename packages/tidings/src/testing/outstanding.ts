import type { BusParts } from '../bus/bus-parts.ts'
import type { Position } from '../store/store.ts'
import { parseStream } from '../store/store.ts'
import type { Engine } from '../subscriber/engine.ts'

/** Something that happens by itself once the clock has moved far enough, or once somebody asks for it. */
export interface Waiting {
  readonly subscription: string
  /**
   * `retry`: a failed event runs again. `parked`: set aside with a due time. `breaker`: nothing of the subscription runs before the breaker lets a probe through.
   * `paused`: an operator, a health check or a halting event holds it. `partitions`: some of its partitions have no owner yet.
   */
  readonly what: 'retry' | 'parked' | 'breaker' | 'paused' | 'partitions'
  /** Category and key of the stream, where it is about one. */
  readonly stream?: string
  /** Type of the event, where it is about one. */
  readonly type?: string
  /** Attempts that counted so far. */
  readonly attempts?: number
  /** Milliseconds of virtual time until it happens, where the clock is all it waits for. */
  readonly in?: number
}

/** Why a bus is not settled, in words; undefined: nothing is outstanding. */
export function outstandingIn(parts: BusParts, head: Position): string | undefined {
  if (parts.committer.busy) return 'a commit is under way'
  if (parts.listening()) return 'an inline listener is at work'
  const attached = parts.attachedWork()
  if (attached !== undefined) return attached
  for (const [name, engine] of parts.engines) if (!engine.quiet(head)) return `subscription ${name} has work`
  return undefined
}

/** What only the clock, or an operator, will move on. */
export function waitingIn(parts: BusParts): Waiting[] {
  return [...parts.engines].flatMap(([subscription, engine]) => [
    ...ofBreaker(subscription, engine),
    ...ofPauses(subscription, engine),
    ...ofLanes(subscription, engine, parts),
  ])
}

function ofBreaker(subscription: string, engine: Engine): Waiting[] {
  return engine.stalled ? [{ subscription, what: 'breaker' }] : []
}

function ofPauses(subscription: string, engine: Engine): Waiting[] {
  return engine.paused.length > 0 ? [{ subscription, what: 'paused' }] : []
}

function ofLanes(subscription: string, engine: Engine, { runtime }: BusParts): Waiting[] {
  const all: Waiting[] = []
  for (const lane of engine.lanes) {
    const head = lane.head()
    if (head === undefined) continue
    const { category, key } = parseStream(lane.stream)
    const about = {
      subscription,
      stream: `${category}/${key}`,
      type: head.parked?.type ?? head.delivery?.record?.type ?? '',
      attempts: head.attempts,
    }
    if (lane.state === 'waiting')
      all.push({ ...about, what: 'retry', in: Math.max(0, lane.until - runtime.monotonic()) })
    else if (lane.state === 'held' && head.parked?.due !== undefined)
      all.push({ ...about, what: 'parked', in: Math.max(0, head.parked.due - runtime.now()) })
  }
  return all
}

/** Of which subscriptions some partitions have no owner among these buses: somebody holds them whose lease has not run out, or is handing them over. */
export function unassignedIn(
  together: Iterable<BusParts>,
): { readonly subscription: string; readonly missing: number }[] {
  const owned = new Map<string, { total: number; held: Set<number> }>()
  for (const { engines, transport } of together) {
    for (const [name, engine] of engines) {
      const seen = owned.get(name) ?? { total: transport.capabilities.partitions, held: new Set<number>() }
      for (const { partition } of engine.status().partitions) seen.held.add(partition)
      owned.set(name, seen)
    }
  }
  return [...owned]
    .filter(([, { total, held }]) => held.size < total)
    .map(([subscription, { total, held }]) => ({ subscription, missing: total - held.size }))
}
