import { isTidingsError } from '../../kernel/errors.ts'
import { sleep } from '../../kernel/runtime.ts'
import type { Host } from '../../store/adapter.ts'
import type { LogQuery, Page, Position, Store } from '../../store/store.ts'
import { Trouble } from './trouble.ts'

/** A page, and whether the log had nothing more behind it worth reading at once. */
export interface LogPage extends Page {
  readonly head: boolean
}

/** Failures in a row at one damaged event before it is passed over. */
const mercy = 3

/** Reads pages of the log for one reader, and bears what a store may do meanwhile. */
export class LogPages {
  readonly #store: Store
  readonly #host: Host
  readonly #near: number
  readonly #trouble: Trouble
  #damaged: Position | undefined
  #failures = 0

  /** @param near A reader that gained fewer positions than this with a page that was not full is at the head. Stores may end pages early. */
  constructor(store: Store, host: Host, near: number, doing: string) {
    this.#store = store
    this.#host = host
    this.#near = near
    this.#trouble = new Trouble(host, doing)
  }

  /** Undefined after a failure, when it is time to try again. Rejects where trying is pointless: the store is closed. */
  async read(query: LogQuery, signal: AbortSignal): Promise<LogPage | undefined> {
    try {
      const { events, through } = await this.#store.readAll(query)
      this.#trouble.passed()
      const full = events.length >= query.limit
      const ended = query.upTo !== undefined && through >= query.upTo
      return { events, through, head: !full && !ended && through - query.after < this.#near }
    } catch (error) {
      if (isTidingsError(error, 'TIDINGS_CLOSED')) throw error
      const beyond = this.#beyondDamage(error)
      if (beyond !== undefined) return { events: [], through: Math.min(beyond, query.upTo ?? beyond), head: false }
      await sleep(this.#host.runtime, this.#trouble.failed(error), signal).catch(() => {})
      return undefined
    }
  }

  /** An event that no attempt can read must not stop all others for ever; that it was passed over is said aloud. */
  #beyondDamage(error: unknown): Position | undefined {
    if (!isTidingsError(error, 'TIDINGS_STORE_CORRUPT')) return undefined
    const { position, next } = error.details
    if (typeof position !== 'number' || typeof next !== 'number' || next <= position) return undefined
    this.#failures = this.#damaged === position ? this.#failures + 1 : 1
    this.#damaged = position
    if (this.#failures < mercy) return undefined
    this.#failures = 0
    this.#host.log('error', 'Damaged events of the log are passed over: nobody can read them.', {
      from: position,
      to: next - 1,
      error,
    })
    return next - 1
  }
}
