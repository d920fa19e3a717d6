import { type CommitResult, type Host, TidingsError, type Unit } from 'tidings/spi'

import type { Connection, Reply } from '../../connection/connection.ts'
import { replyCode } from '../../connection/redis-errors.ts'
import type { StoreKeys } from '../store-keys.ts'
import { commitScript } from './commit-script.ts'
import { type EncodedUnit, type EncodeOptions, UnitEncoder } from './encode-units.ts'
import { readResults } from './read-results.ts'

export interface CommitOptions extends EncodeOptions {
  readonly connection: Connection
  readonly host: Host
  readonly keys: StoreKeys
  readonly born: string
  /** Named in the wake of each commit, so that whoever committed need not listen to himself. */
  readonly self: string
}

/** Most units of one script, so that the server works on some while others are still being written down, and nobody waits long. */
const mostUnits = 96
/** Bytes after which a script takes no further unit, and most bytes on their way at once. */
const mostBytes = 2_097_152
const mostFlying = 8_388_608

interface Flight {
  readonly group: readonly EncodedUnit[]
  readonly places: readonly number[]
  readonly bytes: number
  /** Never rejects. */
  readonly answer: Promise<Reply | Error>
  readonly send: () => Promise<Reply>
}

/**
 * Commits the units of a call in their order, by scripts that follow each other without waiting. Each says after which one it must run,
 * so that none does where the one before it has failed.
 */
export class UnitCommitter {
  readonly #options: CommitOptions
  readonly #encoder: UnitEncoder
  readonly #keys: readonly string[]
  /** Calls under way, each with a number of its own, the lowest that was free: what its scripts follow is written down under it. */
  readonly #calls = new Set<number>()
  #flights = 0

  constructor(options: CommitOptions) {
    const { log, meta, ids, streams } = options.keys
    this.#options = options
    this.#encoder = new UnitEncoder(options)
    this.#keys = [log, meta, ids, streams]
  }

  #begin(): number {
    let call = 0
    while (this.#calls.has(call)) call++
    this.#calls.add(call)
    return call
  }

  async commit(units: readonly Unit[]): Promise<readonly CommitResult[]> {
    const results = new Array<CommitResult>(units.length)
    const flying: Flight[] = []
    const call = this.#begin()
    let applied = 0
    let bytes = 0
    let after = ''
    const land = async (): Promise<void> => {
      const flight = flying.shift() as Flight
      bytes -= flight.bytes
      let answer = await flight.answer
      // It did not run, for the one before it had to be sent twice; that has ended well meanwhile.
      if (answer instanceof Error && replyCode(answer.cause) === 'AFTER') answer = await flight.send().catch(asError)
      if (answer instanceof Error) throw applied > 0 ? unknownRest(answer) : answer
      applied++
      const answers = readResults(answer, flight.group)
      for (let at = 0; at < answers.length; at++) results[flight.places[at] as number] = answers[at] as CommitResult
    }
    try {
      for (let at = 0; at < units.length; ) {
        const group: EncodedUnit[] = []
        const places: number[] = []
        let size = 0
        for (; at < units.length && group.length < mostUnits && size < mostBytes; at++) {
          const prepared = this.#encoder.prepare(units[at] as Unit)
          if (prepared instanceof TidingsError) results[at] = { status: 'refused', error: prepared }
          else {
            group.push(prepared)
            places.push(at)
            size += prepared.bytes
          }
        }
        if (group.length === 0) continue
        while (flying.length > 0 && bytes + size > mostFlying) await land()
        const name = at < units.length ? String(++this.#flights) : ''
        const flight = this.#send({ group, places, bytes: size }, call, after, name)
        after = name
        flying.push(flight)
        bytes += size
        // The client writes in the next turn: what comes next is written down while the server works.
        if (at < units.length) await new Promise<void>((resolve) => this.#options.host.runtime.defer(resolve))
      }
      while (flying.length > 0) await land()
    } catch (error) {
      // None of the others runs after one that has failed; their answers say nothing new.
      await Promise.all(flying.map(({ answer }) => answer))
      throw error
    } finally {
      this.#calls.delete(call)
    }
    return results
  }

  #send(work: Pick<Flight, 'group' | 'places' | 'bytes'>, call: number, after: string, name: string): Flight {
    const { connection, keys, born, self } = this.#options
    const wake = name === '' ? keys.wake : ''
    const args = [keys.prefix, born, wake, self, after, name, ...this.#encoder.args(work.group)]
    const names = [...this.#keys, `${keys.prefix}after:${self}:${call}`]
    const send = (): Promise<Reply> => connection.run(commitScript, names, args, 'A commit', true)
    return { ...work, send, answer: send().catch(asError) }
  }
}

function asError(error: unknown): Error {
  return error as Error
}

function unknownRest(cause: Error): TidingsError {
  return new TidingsError(
    'TIDINGS_COMMIT_UNKNOWN',
    'Redis failed in the middle of a large commit; what was written before stands. Repeat it with the same ids.',
    { cause },
  )
}
