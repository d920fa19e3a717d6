import { PassThrough, Readable, Writable } from 'node:stream'

import { memoryStore, type Store } from 'tidings'
import type { Runtime } from 'tidings/spi'
import { virtualRuntime } from 'tidings/testing'

import { runCli } from '../src/index.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  /** Lines of standard output, as JSON. */
  readonly json: readonly Record<string, never>[]
}

export interface RunOptions {
  readonly store?: Store
  readonly runtime?: Runtime
  readonly input?: string | Readable
  readonly env?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** Whether both outputs are terminals, and how wide. */
  readonly terminal?: number
  /** After so many lines of standard output its reader goes away. */
  readonly readerGoesAfter?: number
}

/** Runs a command line in this process, on a store in memory that outlives it. */
export async function runInProcess(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const out = new Recorder(options.terminal, options.readerGoesAfter)
  const err = new Recorder(options.terminal)
  const store = options.store ?? memoryStore()
  const input =
    typeof options.input === 'string'
      ? Readable.from([Buffer.from(options.input)])
      : (options.input ?? new PassThrough().end())
  const code = await runCli(args, {
    stdout: out,
    stderr: err,
    stdin: input,
    env: options.env ?? { TIDINGS_URL: 'memory:' },
    runtime: options.runtime ?? virtualRuntime({ seed: 3 }),
    signal: options.signal ?? new AbortController().signal,
    user: 'ada',
    // What a command closes is its own opening, not the store of the test.
    open: async () => ({
      capabilities: store.capabilities,
      commit: (units) => store.commit(units),
      readStream: (stream, query) => store.readStream(stream, query),
      readAll: (query) => store.readAll(query),
      find: (collection, query) => store.find(collection, query),
      watch: (wake) => store.watch(wake),
      prune: (query) => store.prune(query),
      close: async () => {},
    }),
  })
  return {
    code,
    out: out.text,
    err: err.text,
    get json() {
      return out.text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, never>)
    },
  }
}

class Recorder extends Writable {
  text = ''
  readonly isTTY: boolean
  readonly columns: number
  /** Lines until its reader goes away. */
  #left: number

  constructor(terminal: number | undefined, lines = Number.POSITIVE_INFINITY) {
    super({ decodeStrings: false })
    this.#left = lines
    this.isTTY = terminal !== undefined
    this.columns = terminal ?? 120
  }

  override _write(chunk: string, _encoding: string, done: (error?: Error) => void): void {
    if (this.#left-- <= 0) {
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
      return
    }
    this.text += chunk
    done()
  }
}
