import { type CommitResult, TidingsError, type Unit } from 'tidings/spi'

import type { Connection } from '../../connection/connection.ts'
import type { StoreKeys } from '../store-keys.ts'
import { commitScript } from './commit-script.ts'
import { type EncodedUnit, type EncodeOptions, UnitEncoder } from './encode-units.ts'
import { readResults } from './read-results.ts'

export interface CommitOptions extends EncodeOptions {
  readonly connection: Connection
  readonly keys: StoreKeys
  readonly born: string
  /** Named in the wake of each commit, so that whoever committed need not listen to himself. */
  readonly self: string
}

/** Most units and bytes of one script: it keeps everybody else waiting. */
const mostUnits = 1_000
const mostBytes = 8_388_608

/** Commits units of a call in their order, in as few scripts as sizes allow. */
export class UnitCommitter {
  readonly #options: CommitOptions
  readonly #encoder: UnitEncoder
  readonly #keys: readonly string[]

  constructor(options: CommitOptions) {
    const { log, meta, ids, streams } = options.keys
    this.#options = options
    this.#encoder = new UnitEncoder(options)
    this.#keys = [log, meta, ids, streams]
  }

  async commit(units: readonly Unit[]): Promise<readonly CommitResult[]> {
    const results = new Array<CommitResult>(units.length)
    let group: EncodedUnit[] = []
    let places: number[] = []
    let bytes = 0
    let begun = false
    const send = async (): Promise<void> => {
      if (group.length === 0) return
      try {
        const answers = await this.#run(group)
        for (let at = 0; at < places.length; at++) results[places[at] as number] = answers[at] as CommitResult
        begun = true
      } catch (error) {
        // What went before it stands, so for the call as a whole nobody can say that nothing was done.
        throw begun ? unknownRest(error) : error
      }
      group = []
      places = []
      bytes = 0
    }
    for (let at = 0; at < units.length; at++) {
      const prepared = this.#encoder.prepare(units[at] as Unit)
      if (prepared instanceof TidingsError) {
        results[at] = { status: 'refused', error: prepared }
        continue
      }
      if (group.length === mostUnits || (bytes + prepared.bytes > mostBytes && group.length > 0)) await send()
      group.push(prepared)
      places.push(at)
      bytes += prepared.bytes
    }
    await send()
    return results
  }

  async #run(group: readonly EncodedUnit[]): Promise<CommitResult[]> {
    const { connection, keys, born, self } = this.#options
    const args = [keys.prefix, born, keys.wake, self, ...this.#encoder.args(group)]
    const reply = await connection.run(commitScript, this.#keys, args, 'A commit', true)
    return readResults(
      reply,
      group.map(({ unit }) => unit),
    )
  }
}

function unknownRest(cause: unknown): TidingsError {
  return new TidingsError(
    'TIDINGS_COMMIT_UNKNOWN',
    'Redis failed in the middle of a large commit; what was written before stands. Repeat it with the same ids.',
    { cause },
  )
}
