import type { Readable } from 'node:stream'

import type { Store } from 'tidings'
import type { Runtime } from 'tidings/spi'

import type { Sink } from './terminal/output.ts'

/** What the command line needs of its process. */
export interface CliHost {
  readonly stdout: Sink
  readonly stderr: Sink
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
  readonly runtime: Runtime
  /** Aborts when the user interrupts. */
  readonly signal: AbortSignal
  /** Name of who runs it, for the audit. */
  readonly user: string
  /** Opens the store of a URL; whoever opens closes it. */
  open(url: string): Promise<Store>
}
