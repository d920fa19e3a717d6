import { once } from 'node:events'
import type { Writable } from 'node:stream'

import { safeJson } from './safe-text.ts'
import type { Text } from './text.ts'

/** A stream that may be a terminal. */
export type Sink = Writable & { readonly isTTY?: boolean; readonly columns?: number }

/** Whoever read the output has gone, as `head` does: nothing is wrong, and nothing more is to be said. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone'
}

/** Writes lines and waits where the reader is slow, so that memory stays bounded. */
export class Output {
  readonly colours: boolean
  readonly #sink: Sink
  #gone = false
  #failure: Error | undefined

  constructor(sink: Sink, colours: boolean) {
    this.#sink = sink
    this.colours = colours
    sink.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') this.#gone = true
      else this.#failure = error
    })
  }

  get terminal(): boolean {
    return this.#sink.isTTY === true
  }

  get columns(): number {
    // Some terminals say 0 where they do not know.
    const { columns = 0 } = this.#sink
    return columns > 0 ? columns : 80
  }

  /** A promise only where the reader is slow. */
  line(text: Text): Promise<void> | undefined {
    return this.#write(`${text.render(this.colours)}\n`)
  }

  /** One value as one line of JSON that no terminal acts upon. */
  json(value: unknown): Promise<void> | undefined {
    return this.jsonText(JSON.stringify(value))
  }

  jsonText(text: string): Promise<void> | undefined {
    return this.#write(`${safeJson(text)}\n`)
  }

  /** A line nobody waits for; what becomes of it matters to no one. */
  hint(text: Text): void {
    this.draw(`${text.render(this.colours)}\n`)
  }

  /** The same for moves of the cursor and what stands between them. */
  draw(text: string): void {
    if (this.#failure === undefined && !this.#gone) this.#sink.write(text)
  }

  /** As it is: for text that was made here, such as completion scripts. */
  raw(text: string): Promise<void> | undefined {
    return this.#write(text)
  }

  #write(text: string): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#gone) throw new ReaderGone()
    if (this.#sink.write(text)) return undefined
    return this.#drained()
  }

  async #drained(): Promise<void> {
    // A reader that goes away never drains; the close or error of the stream ends the wait.
    const stop = new AbortController()
    const settled = ['drain', 'close', 'error'].map((name) =>
      once(this.#sink, name, { signal: stop.signal }).catch(() => {}),
    )
    await Promise.race(settled)
    stop.abort()
    if (this.#failure !== undefined) throw this.#failure
    if (this.#gone) throw new ReaderGone()
  }
}
