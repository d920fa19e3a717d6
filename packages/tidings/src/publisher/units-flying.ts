import { streamText, type Unit } from '../store/store.ts'
import type { Submission } from './submission.ts'

/** What one commit under way touches. */
export type Keys = ReadonlySet<string>

/** SQL may touch anything, so units with statements follow each other. */
const anySql = '\nsql'

/**
 * What commits under way touch: streams they append to, streams and documents they expect or change. Units that touch the same follow each other, so
 * that each finds what the one before has left, and events of a stream stand in the order of their publishing whatever becomes of a commit.
 */
export class UnitsFlying {
  readonly #flights = new Set<Keys>()

  /** A commit of these has begun. Returns what to delete when it has ended. */
  add(batch: readonly Submission[]): Keys {
    const keys = new Set<string>()
    for (const { unit } of batch) addKeys(unit, keys)
    this.#flights.add(keys)
    return keys
  }

  delete(keys: Keys): void {
    this.#flights.delete(keys)
  }

  /** Those that may leave beside what is under way, and those that wait for it, or for one before them that does; both in their order. */
  apart(waiting: readonly Submission[]): [free: Submission[], held: Submission[]] {
    const free: Submission[] = []
    const held: Submission[] = []
    const behind = new Set<string>()
    for (const submission of waiting) {
      const keys = addKeys(submission.unit, new Set())
      if (!this.#touches(keys, behind)) free.push(submission)
      else {
        held.push(submission)
        for (const key of keys) behind.add(key)
      }
    }
    return [free, held]
  }

  #touches(keys: Keys, behind: Keys): boolean {
    for (const key of keys) {
      if (behind.has(key)) return true
      for (const flight of this.#flights) if (flight.has(key)) return true
    }
    return false
  }
}

function addKeys({ append = [], expect = [], documents = [], statements }: Unit, keys: Set<string>): Set<string> {
  for (const record of append) keys.add(streamText(record))
  for (const one of expect) keys.add('stream' in one ? streamText(one.stream) : documentKey(one.collection, one.id))
  for (const { collection, id } of documents) keys.add(documentKey(collection, id))
  if (statements !== undefined && statements.length > 0) keys.add(anySql)
  return keys
}

function documentKey(collection: string, id: string): string {
  return `\n${collection}\n${id}`
}
