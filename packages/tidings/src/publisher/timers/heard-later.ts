import type { EventRecord } from '../../events/record.ts'
import type { Log } from '../../kernel/log.ts'
import type { Placed } from '../../store/store.ts'
import type { Publisher } from '../publisher.ts'

/** Events whose inline listeners are at work at once; beyond, nothing more is published by the clock: each is held in memory. */
const most = 10_000

/**
 * Lets inline listeners hear what the clock has published. Nobody waits for them: one that hangs must not hold up what is due after it. Their order, their
 * timeouts and what becomes of their failures are as at each publish.
 */
export class HeardLater {
  readonly #publisher: Pick<Publisher, 'heard'>
  readonly #log: Log
  readonly #progressed: () => void
  readonly #hearing = new Set<Promise<void>>()
  #events = 0

  constructor(publisher: Pick<Publisher, 'heard'>, log: Log, progressed: () => void) {
    this.#publisher = publisher
    this.#log = log
    this.#progressed = progressed
  }

  get busy(): boolean {
    return this.#hearing.size > 0
  }

  /** How many more events may be heard now. */
  get room(): number {
    return Math.max(0, most - this.#events)
  }

  hear(records: readonly EventRecord[], placed: readonly Placed[]): void {
    this.#events += records.length
    const hearing = this.#publisher
      .heard(records, placed)
      .catch((error: unknown) =>
        this.#log('warn', 'Inline listeners could not hear what was published at its time', {
          error: (error as Error).message,
        }),
      )
      .finally(() => {
        this.#hearing.delete(hearing)
        this.#events -= records.length
        this.#progressed()
      })
    this.#hearing.add(hearing)
  }

  /** Resolves when all that hear now have ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#hearing)
  }
}
