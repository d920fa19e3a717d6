import type pg from 'pg'
import { type Runtime, TidingsError } from 'tidings/spi'

import { destroy } from './connect.ts'

/** A row as the server wrote it: each value as text. */
export type TextRow = readonly (string | null)[]

export interface LinkOptions {
  readonly runtime: Runtime
  /** Milliseconds until a call must be answered; then the connection is given up, and all that is under way on it. */
  readonly timeout: number
  readonly connect: () => Promise<pg.Client>
  /** Called when the connection is lost, before the next one is made. */
  readonly lost?: () => void
}

/**
 * One connection on which calls follow each other without waiting for answers. Connects when first used, and again after it
 * was lost: calls under way then reject, the next one connects. Idle → connecting → connected → idle …, then closed.
 */
export class Link {
  readonly #options: LinkOptions
  #client: pg.Client | undefined
  #connecting: Promise<pg.Client> | undefined
  #closed = false

  constructor(options: LinkOptions, client?: pg.Client) {
    this.#options = options
    if (client !== undefined) this.#adopt(client)
  }

  /** Calls under way. */
  pending = 0

  /**
   * Runs one statement. Rejects with a coded error where it was not sent, with the server's where it failed, and with that
   * of the socket where the answer was lost. Named statements are prepared once a connection.
   */
  async rows(name: string | undefined, text: string, values: unknown[]): Promise<readonly TextRow[]> {
    if (this.#closed) throw closed()
    this.pending++
    try {
      const client = this.#client ?? (await this.#connect())
      return await answer(this.#options, client, name, text, values)
    } finally {
      this.pending--
    }
  }

  /** The connection itself, for what is not a call: notifications. */
  connected(): Promise<pg.Client> {
    return this.#client === undefined ? this.#connect() : Promise.resolve(this.#client)
  }

  /** Says goodbye where somebody listens; gives the server a second for it. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#connecting?.catch(() => {})
    const client = this.#client
    this.#client = undefined
    if (client !== undefined) await endClient(this.#options.runtime, client)
  }

  #connect(): Promise<pg.Client> {
    this.#connecting ??= this.#options.connect().then(
      (client) => {
        this.#connecting = undefined
        if (this.#closed) {
          destroy(client)
          throw closed()
        }
        this.#adopt(client)
        return client
      },
      (error: unknown) => {
        this.#connecting = undefined
        throw error
      },
    )
    return this.#connecting
  }

  #adopt(client: pg.Client): void {
    this.#client = client
    const forget = (): void => {
      if (this.#client !== client) return
      this.#client = undefined
      this.#options.lost?.()
    }
    client.once('end', forget)
    client.once('error', forget)
  }
}

const asText = { getTypeParser: () => (value: string) => value }

/** One statement on a connection, its rows as text. */
export async function answer(
  { runtime, timeout }: Pick<LinkOptions, 'runtime' | 'timeout'>,
  client: pg.ClientBase,
  name: string | undefined,
  text: string,
  values: unknown[],
): Promise<readonly TextRow[]> {
  const timer = runtime.setTimer(timeout, () => destroy(client))
  try {
    const { rows } = await client.query({
      ...(name !== undefined && { name }),
      text,
      values,
      rowMode: 'array',
      types: asText,
    } as unknown as pg.QueryArrayConfig)
    return rows
  } finally {
    timer.cancel()
  }
}

function closed(): TidingsError {
  return new TidingsError('TIDINGS_CLOSED', 'The PostgreSQL store is closed.')
}

const goodbye = 1_000

export async function endClient(runtime: Runtime, client: pg.Client): Promise<void> {
  const timer = runtime.setTimer(goodbye, () => destroy(client))
  try {
    await client.end()
  } catch {
    destroy(client)
  } finally {
    timer.cancel()
  }
}
