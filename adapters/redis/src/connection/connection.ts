import {
  createClient,
  type RedisClientType,
  type RedisFunctions,
  type RedisModules,
  type RedisScripts,
  type TypeMapping,
} from '@redis/client'
import { type Host, sleep, TidingsError, within } from 'tidings/spi'

import type { ConnectionSettings } from '../redis-options.ts'
import { Beginning } from './beginning.ts'
import { redisError, replyCode } from './redis-errors.ts'
import type { Script } from './script.ts'

export type Client = RedisClientType<RedisModules, RedisFunctions, RedisScripts, 2, TypeMapping>

/** What Redis answers, as the client reads it. */
export type Reply = string | number | null | readonly Reply[]

/**
 * One connection, which comes back by itself. Nothing waits for it: what is asked while it is away is refused at once, and what was asked
 * when it went ends with an error. Ping keeps it honest: a server that says nothing for `timeout` is taken for dead.
 */
export class Connection {
  readonly #settings: ConnectionSettings
  readonly #host: Host
  #client: Client
  #beginning: Beginning | undefined
  #replaced = 0
  #closed = false

  private constructor(settings: ConnectionSettings, host: Host, client: Client) {
    this.#settings = settings
    this.#host = host
    this.#client = client
    this.#watch(client)
  }

  /** Rejects with TIDINGS_STORE_UNAVAILABLE where nobody is there or nobody is let in; waits while the server loads its data. */
  static async open(settings: ConnectionSettings, host: Host): Promise<Connection> {
    const deadline = host.runtime.monotonic() + settings.timeout
    for (;;) {
      try {
        const connection = new Connection(settings, host, await connect(settings, host))
        // Any command would do; this one is refused while the server loads, and where a password is missing.
        await connection.send(['EXISTS', 'tidings'], 'Opening').catch(async (error: unknown) => {
          await connection.close(Promise.resolve())
          throw error
        })
        return connection
      } catch (error) {
        const failure = cannotReach(settings, error)
        if (failure.details.redis !== 'LOADING' || host.runtime.monotonic() > deadline) throw failure
        await sleep(host.runtime, 100)
      }
    }
  }

  get ready(): boolean {
    return this.#client.isReady
  }

  /**
   * Does this now and first thing on every later connection: nothing that `writes` is sent on one before it has succeeded there. Where it fails,
   * whoever writes is told so, and it is tried again with the next. Never rejects. What it sends must not say `writes` itself.
   */
  async first(work: () => Promise<unknown>): Promise<void> {
    this.#beginning = new Beginning(work)
    await this.#beginning.ready()?.catch(() => {})
  }

  /** `during` names the step in errors; `writes`: whether a lost answer leaves it unknown what was done. */
  async send(args: readonly string[], during: string, writes = false): Promise<Reply> {
    if (writes) await this.#begun()
    try {
      return await this.#client.sendCommand<Reply>(args)
    } catch (error) {
      throw this.#failed(error, during, writes)
    }
  }

  async run(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    during: string,
    writes = false,
  ): Promise<Reply> {
    const rest = [String(keys.length), ...keys, ...args]
    if (writes) await this.#begun()
    try {
      return await this.#client.sendCommand<Reply>(['EVALSHA', script.sha, ...rest])
    } catch (error) {
      if (replyCode(error) !== 'NOSCRIPT') throw this.#failed(error, during, writes)
    }
    // Never seen by this server, or flushed meanwhile: nothing was run.
    return this.send(['EVAL', script.text, ...rest], during, writes)
  }

  /** Ends what is under way, at the latest when the server is taken for dead. Idempotent. */
  async close(running: Promise<unknown>): Promise<void> {
    this.#closed = true
    await within(this.#host.runtime, this.#settings.timeout, running).catch(() => {})
    this.#client.destroy()
  }

  /** A client tells that it is ready before it sends anything on a new connection. */
  #watch(client: Client): void {
    client.on('ready', () => {
      if (client === this.#client) this.#beginning?.renew()
    })
  }

  async #begun(): Promise<void> {
    for (let wait = this.#beginning?.ready(); wait !== undefined; wait = this.#beginning?.ready()) await wait
  }

  #failed(error: unknown, during: string, writes: boolean): TidingsError {
    // A primary that has become a replica keeps its connections; only a new one finds its successor.
    if (replyCode(error) === 'READONLY') {
      this.#beginning?.forget()
      this.#replace()
    }
    return redisError(error, during, writes)
  }

  #replace(): void {
    const now = this.#host.runtime.monotonic()
    if (this.#closed || now - this.#replaced < 1_000) return
    this.#replaced = now
    connect(this.#settings, this.#host).then(
      (client) => {
        const old = this.#closed ? client : this.#client
        if (!this.#closed) {
          this.#client = client
          this.#watch(client)
          this.#beginning?.renew()
        }
        old.destroy()
      },
      // The next call tries again.
      () => {},
    )
  }
}

/** Rejects with the first failure; afterwards the client comes back by itself. */
async function connect(settings: ConnectionSettings, host: Host): Promise<Client> {
  const client = makeClient(settings, host)
  let first: unknown
  let opened = false
  client.on('error', (error) => {
    if (opened) {
      host.log('debug', 'The connection to Redis fails; it is made again.', { error })
      return
    }
    first ??= error
    client.destroy()
  })
  try {
    await client.connect()
  } catch (error) {
    throw first ?? error
  }
  opened = true
  return client
}

function cannotReach({ host, port }: ConnectionSettings, error: unknown): TidingsError {
  const cause = error instanceof TidingsError ? error.cause : error
  const code = replyCode(cause)
  return new TidingsError(
    'TIDINGS_STORE_UNAVAILABLE',
    `Cannot use Redis at ${host}:${port}: ${code === '' ? 'there is no connection' : `it answers ${code}`}.`,
    { cause, details: { host, port, ...(code !== '' && { redis: code }) } },
  )
}

/** A client that is set up but not connected. `queue`: what is asked while there is no connection waits for one. */
export function makeClient(
  settings: ConnectionSettings,
  host: Host,
  { queue = false }: { readonly queue?: boolean } = {},
): Client {
  const { timeout, tls, username, password, database } = settings
  return createClient({
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    database,
    RESP: 2,
    disableOfflineQueue: !queue,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    pingInterval: Math.ceil(timeout / 3),
    // The client's own timeouts cost more than the commands, and end only what was not sent.
    commandOptions: { timeout: 0 },
    socket: {
      host: settings.host,
      port: settings.port,
      connectTimeout: timeout,
      socketTimeout: timeout,
      ...(tls !== undefined && { ...tls, tls: true as const }),
      reconnectStrategy: (retries) => backoff(retries, host.runtime.random()),
    },
  })
}

/** 25 ms at first, doubling to 2 s, each between half and whole, so that clients do not come back all at once. */
function backoff(retries: number, chance: number): number {
  return Math.min(2_000, 25 * 2 ** Math.min(retries, 10)) * (0.5 + chance / 2)
}
