import type { Command } from 'commander'
import { isTidingsError, type Operations, operationsOn, type Store, TidingsError } from 'tidings'

import type { CliHost } from './cli-host.ts'
import { requireFile } from './require-file.ts'
import { Output } from './terminal/output.ts'
import { ProgressBar } from './terminal/progress-bar.ts'

/** Options that every command takes. */
export interface GlobalOptions {
  readonly url?: string
  readonly json?: boolean
  readonly debug?: boolean
  /** False with `--no-color`. */
  readonly color?: boolean
}

/** Fine; something was refused or is unsound; the command line itself is wrong. */
export type ExitCode = 0 | 1 | 2

/** One run of one command: its options, its output, its way to the store. */
export class Session {
  readonly host: CliHost
  readonly out: Output
  readonly err: Output
  readonly json: boolean
  readonly debug: boolean
  readonly #url: string | undefined

  constructor(host: CliHost, options: GlobalOptions) {
    this.host = host
    this.json = options.json === true
    this.debug = options.debug === true
    this.#url = options.url ?? host.env.TIDINGS_URL
    const colours = (isTTY: boolean | undefined): boolean =>
      options.color !== false &&
      (host.env.NO_COLOR ?? '') === '' &&
      ((host.env.FORCE_COLOR ?? '') !== '' || isTTY === true)
    this.out = new Output(host.stdout, colours(host.stdout.isTTY))
    this.err = new Output(host.stderr, colours(host.stderr.isTTY))
  }

  get url(): string {
    if (this.#url === undefined || this.#url === '') {
      throw new TidingsError(
        'TIDINGS_INVALID_OPTION',
        'Say which store: --url sqlite:./tidings.db, or TIDINGS_URL in the environment.',
        { details: { field: 'url' } },
      )
    }
    return this.#url
  }

  bar(): ProgressBar {
    return new ProgressBar(this.err, () => this.host.runtime.monotonic())
  }

  /** Runs something on the store and closes it whatever happens. `create`: a store that does not exist yet is made. */
  async withStore<Result>(
    work: (operations: Operations, store: Store) => Promise<Result>,
    options: { readonly create?: boolean } = {},
  ): Promise<Result> {
    const { url } = this
    if (options.create !== true) requireFile(url)
    const store = await this.host.open(url)
    try {
      return await work(operationsOn(store, { runtime: this.host.runtime }), store)
    } finally {
      await store.close().catch((error: unknown) => {
        if (!isTidingsError(error, 'TIDINGS_CLOSED')) throw error
      })
    }
  }
}

/** What a command's action gets: its arguments and options as commander has parsed them. */
export type Action = (
  session: Session,
  options: Readonly<Record<string, unknown>>,
  args: readonly string[],
) => Promise<ExitCode>

/** How a command is put under its parent: `run` brings the session and keeps the exit code. */
export type Attach = (
  parent: Command,
  run: (action: Action) => (...given: unknown[]) => Promise<void>,
  host: CliHost,
) => void
