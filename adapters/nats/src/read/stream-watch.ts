import { type Host, type Offset, TidingsError } from 'tidings/spi'

import type { Link } from '../connection/link.ts'
import { apiCode, apiCodeOf } from '../connection/nats-errors.ts'
import type { StreamFacts } from '../stream/open-stream.ts'

/**
 * What readers ask about the stream itself: where it ends, and whether it is still the one that was opened. Where it is gone it is made
 * again, and everybody who reads begins anew.
 */
export class StreamWatch {
  readonly #link: Link
  readonly #host: Host
  readonly #restore: () => Promise<StreamFacts>
  #facts: StreamFacts
  #seen = 0
  #asking: Promise<Offset> | undefined
  #restoring: Promise<void> | undefined

  constructor(link: Link, host: Host, facts: StreamFacts, restore: () => Promise<StreamFacts>) {
    this.#link = link
    this.#host = host
    this.#facts = facts
    this.#restore = restore
  }

  /** When the stream was made that is there now, as far as is known. Whoever read another one must begin anew. */
  get created(): string {
    return this.#facts.created
  }

  /** The stream reaches at least up to here. */
  get seen(): Offset {
    return this.#seen
  }

  /** Number of the last message; one request for all who ask meanwhile. Rejects with TIDINGS_BROKER_UNAVAILABLE, or see `refusal`. */
  end(): Promise<Offset> {
    this.#asking ??= this.#end().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #end(): Promise<Offset> {
    const { name, created } = this.#facts
    const info = await this.#link.ask('for the end of the stream', () => this.#link.manager.streams.info(name))
    if (String(info.created) !== created) {
      this.repair()
      throw this.gone()
    }
    this.#seen = info.state.last_seq
    return this.#seen
  }

  /** Number of the last message of these subjects, 0 for none; asked of the server that leads the stream. */
  async lastOf(filters: readonly string[]): Promise<Offset> {
    const { name } = this.#facts
    const numbers = await Promise.all(
      filters.map(async (filter) => {
        try {
          const message = await this.#link.ask('for the last message of a subject', () =>
            this.#link.manager.streams.getMessage(name, { last_by_subj: filter }),
          )
          return message?.seq ?? 0
        } catch (error) {
          if (causeCode(error) === apiCode.messageNotFound) return 0
          throw error
        }
      }),
    )
    return Math.max(...numbers)
  }

  /** What readers end with when the stream they read is no more. */
  gone(): Error {
    return new StreamGoneError(
      'TIDINGS_BROKER_UNAVAILABLE',
      `The stream ${this.#facts.name} was deleted or made anew; reading begins again.`,
    )
  }

  /** Why nothing can be read any more, where that is what an error means; undefined where trying on makes sense. */
  refusal(error: unknown): Error | undefined {
    if (error instanceof StreamGoneError) return error
    if (causeCode(error) !== apiCode.streamNotFound) return undefined
    this.repair()
    return this.gone()
  }

  /** Resolves when the stream is not being made again. */
  async ready(): Promise<void> {
    await this.#restoring
  }

  /** Looks for the stream, or makes it again. One try at a time; who meets the lack again asks again. */
  repair(): void {
    if (this.#restoring !== undefined || !this.#link.up) return
    this.#restoring = this.#restore()
      .then(
        (facts) => {
          if (facts.created !== this.#facts.created) this.#seen = 0
          this.#facts = facts
        },
        (error: unknown) => this.#host.log('error', 'The NATS stream is gone and cannot be made again.', { error }),
      )
      .finally(() => {
        this.#restoring = undefined
      })
  }
}

class StreamGoneError extends TidingsError {}

/** JetStream's code of an error, also where it was wrapped. */
function causeCode(error: unknown): number {
  return apiCodeOf(error) || apiCodeOf((error as { cause?: unknown } | undefined)?.cause)
}
