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
    return this.#sink.columns ?? 120
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

  /** As it is: for text that was made here, such as completion scripts and the moves of a progress bar. */
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
