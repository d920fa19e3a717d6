import { streamText, type Unit } from '../store/store.ts'
import { documentKey, expectedKey } from '../store/touched-keys.ts'
import type { Submission } from './submission.ts'

/** What units touch. */
export type Keys = ReadonlySet<string>

/** SQL may touch anything, so units with statements follow each other. */
const anySql = '\nsql'

/**
 * What commits under way touch: streams they append to, streams and documents they expect or change. Units that touch the same follow each other, so
 * that each finds what the one before has left, and events of a stream stand in the order of their publishing whatever becomes of a commit.
 */
export class UnitsFlying {
  readonly #flights = new Set<Keys>()
  /** What all touch that wait, since it was found that none may leave; undefined where somebody may. */
  #held: Set<string> | undefined

  /** A commit of these has begun. Returns what to delete when it has ended. */
  add(batch: readonly Submission[]): Keys {
    const keys = new Set<string>()
    for (const { unit } of batch) addKeys(unit, keys)
    this.#flights.add(keys)
    return keys
  }

  delete(keys: Keys): void {
    this.#flights.delete(keys)
    this.#held = undefined
  }

  /** Those that may leave beside what is under way, in their order; the rest waits for it, or for one before them that does. */
  free(waiting: readonly Submission[]): Submission[] {
    const held = new Set<string>()
    const free = waiting.filter(({ unit }) => !this.#holdsBehind(addKeys(unit, new Set()), held))
    this.#held = free.length === 0 ? held : undefined
    return free
  }

  /** Whether a newcomer must wait where all do that were there before; asked once for each, so that nobody looks at all of them again. */
  holds(unit: Unit): boolean {
    return this.#held !== undefined && this.#holdsBehind(addKeys(unit, new Set()), this.#held)
  }

  /** What is held back holds back in its turn. */
  #holdsBehind(keys: Keys, held: Set<string>): boolean {
    if (!touches(keys, held) && ![...this.#flights].some((flight) => touches(keys, flight))) return false
    for (const key of keys) held.add(key)
    return true
  }
}

/**
 * About `count` of those that wait, in their order, and all others that could not leave beside them anyway: what touches them, and does not stand
 * behind one that stays.
 */
export function shareOf(waiting: readonly Submission[], count: number): Submission[] {
  const leaving = new Set<string>()
  const staying = new Set<string>()
  return waiting.filter(({ unit }, at) => {
    const keys = addKeys(unit, new Set())
    const leaves = at < count || (touches(keys, leaving) && !touches(keys, staying))
    for (const key of keys) (leaves ? leaving : staying).add(key)
    return leaves
  })
}

function touches(keys: Keys, others: Keys): boolean {
  for (const key of keys) if (others.has(key)) return true
  return false
}

function addKeys({ append = [], expect = [], documents = [], statements }: Unit, keys: Set<string>): Set<string> {
  for (const record of append) keys.add(streamText(record))
  for (const one of expect) keys.add(expectedKey(one))
  for (const change of documents) keys.add(documentKey(change))
  if (statements !== undefined && statements.length > 0) keys.add(anySql)
  return keys
}
