import pg from 'pg'
import { type Runtime, TidingsError } from 'tidings/spi'

import { openError } from '../open-error.ts'
import type { PostgresSettings } from '../postgres-options.ts'
import { beginSession, clientConfig, destroy, type Purpose } from './connect.ts'

/** Idle connections are let go after this many milliseconds. */
const idle = 30_000

/** Connections for transactions: each has one for itself until it ends. */
export class TransactionsPool {
  readonly #settings: PostgresSettings
  readonly #runtime: Runtime
  readonly #pool: pg.Pool
  readonly #taken = new Set<pg.PoolClient>()

  constructor(settings: PostgresSettings, runtime: Runtime, purpose: Purpose = 'write') {
    this.#settings = settings
    this.#runtime = runtime
    this.#pool = new pg.Pool({
      ...clientConfig(settings),
      max: settings.pool,
      idleTimeoutMillis: idle,
      // A process must be able to end although connections idle here.
      allowExitOnIdle: true,
      onConnect: (client) => beginSession(settings, runtime, client, purpose) as unknown as void,
    })
    // Idle connections that break are replaced; nothing was under way on them.
    this.#pool.on('error', () => {})
    this.#pool.on('connect', (client) => void client.on('error', () => {}))
  }

  /** Rejects with TIDINGS_STORE_UNAVAILABLE where none can be had in time, or with the signal's reason. */
  async take(signal?: AbortSignal): Promise<pg.PoolClient> {
    signal?.throwIfAborted()
    const taking = this.#pool.connect().catch((error: unknown) => {
      if (error instanceof Error && error.message.includes('timeout exceeded when trying to connect'))
        throw exhausted(this.#settings, error)
      throw openError(error, this.#settings)
    })
    const client = await (signal === undefined ? taking : beforeAbort(taking, signal))
    this.#taken.add(client)
    return client
  }

  /** `broken`: whatever is open on it must be rolled back, so it is not used again. */
  give(client: pg.PoolClient, broken: boolean): void {
    if (!this.#taken.delete(client)) return
    if (broken) destroy(client)
    client.release(broken)
  }

  /** Waits for nobody: those who still hold connections lose them. */
  async close(): Promise<void> {
    for (const client of this.#taken) destroy(client)
    const ended = this.#pool.end()
    const timer = this.#runtime.setTimer(1_000, () => {
      for (const client of (this.#pool as unknown as { readonly _clients: readonly pg.PoolClient[] })._clients)
        destroy(client)
    })
    for (const client of this.#taken) this.give(client, true)
    await ended.catch(() => {})
    timer.cancel()
  }
}

/** Whoever gives up gives back what he would have got. */
function beforeAbort(taking: Promise<pg.PoolClient>, signal: AbortSignal): Promise<pg.PoolClient> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error)
      taking.then(
        (client) => client.release(),
        () => {},
      )
    }
    signal.addEventListener('abort', abort, { once: true })
    taking.then(
      (client) => {
        signal.removeEventListener('abort', abort)
        if (!signal.aborted) resolve(client)
      },
      (error: unknown) => {
        signal.removeEventListener('abort', abort)
        reject(error)
      },
    )
  })
}

function exhausted({ pool, connectTimeout }: PostgresSettings, cause: unknown): TidingsError {
  return new TidingsError(
    'TIDINGS_STORE_UNAVAILABLE',
    `No connection became free within ${connectTimeout} ms: all ${pool} are in use (\`pool\`, where they hold transactions or queries of yours).`,
    { cause, details: { field: 'pool', limit: pool } },
  )
}
