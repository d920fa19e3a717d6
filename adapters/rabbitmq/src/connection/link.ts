import type { Channel, Connection } from 'rabbitmq-client'
import { type Host, TidingsError, within } from 'tidings/spi'

import type { RabbitmqSettings } from '../rabbitmq-options.ts'
import { brokerError, closedError, isForGood, reasonOf } from './broker-error.ts'
import { shunDeepHeaders } from './client-insides.ts'

/** First and longest wait between two attempts to connect, in milliseconds. */
const shortest = 100
const longest = 3_000

/**
 * One connection that comes back by itself. It is down until the broker has answered, goes up and down as the broker does, and is closed for
 * good. Whoever opened channels on it hears of their end by the channels, and of a new beginning by `onUp`.
 */
export class Link {
  readonly #settings: RabbitmqSettings
  readonly #host: Host
  readonly #purpose: string
  readonly #listeners = new Set<() => void>()
  readonly #client: typeof Connection
  #connection: Connection
  #up = false
  #blocked = false
  #closed = false
  #troubled = false
  #failure: unknown

  /** @param purpose Continues "The connection for …". */
  constructor(client: typeof Connection, settings: RabbitmqSettings, host: Host, purpose: string) {
    this.#client = client
    this.#settings = settings
    this.#host = host
    this.#purpose = purpose
    this.#connection = this.#connect()
  }

  get up(): boolean {
    return this.#up
  }

  /** The broker takes nothing more for now: its memory or disk is short. */
  get blocked(): boolean {
    return this.#blocked
  }

  /** Calls whenever the connection is there, is there again, or takes events again. Returns how to stop. */
  onUp(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Resolves when connected; rejects when `ms` have passed, when the broker refuses for good, or on `close`. */
  connected(ms: number, doing: string): Promise<void> {
    if (this.#up) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!this.#up && !this.#closed && !isForGood(this.#failure)) return
        stop()
        timer.cancel()
        if (this.#up) resolve()
        else reject(this.#closed ? closedError() : brokerError(doing, this.#failure))
      }
      const stop = this.onUp(look)
      const timer = this.#host.runtime.setTimer(ms, () => {
        stop()
        reject(brokerError(doing, this.#failure))
      })
      look()
    })
  }

  /**
   * A new channel. Rejects where there is no connection: it does not wait for one.
   * @param failed Is told why the broker closes the channel, where that is no answer to a call.
   */
  async acquire(failed?: (error: unknown) => void): Promise<Channel> {
    if (this.#closed) throw closedError()
    if (!this.#up) throw new TidingsError('TIDINGS_BROKER_UNAVAILABLE', 'RabbitMQ is not connected.')
    const channel = await this.#connection.acquire({ emitErrorsFromChannel: true })
    channel.on('error', (error: unknown) => {
      this.#host.log('debug', 'RabbitMQ has closed a channel.', { reason: reasonOf(error) })
      failed?.(error)
    })
    return channel
  }

  /** Closes a channel; does not wait for a broker that takes nothing. Never rejects. */
  async release(channel: Pick<Channel, 'close'> | undefined): Promise<void> {
    const closing = channel?.close()
    if (!this.#blocked) await closing
  }

  /** Drops the connection, whatever its state, and makes another. */
  restart(): void {
    if (this.#closed) return
    this.#connection.unsafeDestroy()
    this.#down()
    this.#connection = this.#connect()
  }

  /** Ends within `ms`, whether or not the broker answers. Idempotent. */
  async close(ms: number): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const connection = this.#connection
    // A broker that takes nothing does not hear us say goodbye either.
    if (this.#up && !this.#blocked) await within(this.#host.runtime, ms, connection.close()).catch(() => false)
    connection.unsafeDestroy()
    this.#up = false
    this.#tell()
  }

  #connect(): Connection {
    const { hosts, username, password, vhost, tls, heartbeat, frameMax, connectTimeout, connectionName } =
      this.#settings
    const connection: Connection = new this.#client({
      ...addressOf(hosts),
      username,
      password,
      vhost,
      heartbeat,
      frameMax,
      connectionName: `${connectionName} ${this.#purpose}`,
      connectionTimeout: connectTimeout,
      acquireTimeout: connectTimeout,
      retryLow: shortest,
      retryHigh: longest,
      // Otherwise Nagle and delayed acknowledgements make every small exchange wait 40 ms.
      noDelay: true,
      ...(tls === false ? {} : { tls: tls as boolean }),
    })
    const current = (): boolean => this.#connection === connection || this.#connection === undefined
    connection.on('connection', () => {
      if (!current() || this.#closed) return
      shunDeepHeaders(connection)
      this.#up = true
      this.#failure = undefined
      if (this.#troubled) this.#host.log('info', `RabbitMQ is connected again for ${this.#purpose}.`)
      this.#troubled = false
      this.#tell()
    })
    connection.on('error', (error: unknown) => {
      if (current() && !this.#closed) this.#failed(error)
    })
    connection.on('connection.blocked', () => {
      if (!current()) return
      this.#blocked = true
      this.#host.log('warn', 'RabbitMQ takes no events: its memory or disk is short.')
    })
    connection.on('connection.unblocked', () => {
      if (!current()) return
      this.#blocked = false
      this.#host.log('info', 'RabbitMQ takes events again.')
      this.#tell()
    })
    return connection
  }

  #failed(error: unknown): void {
    this.#failure = error
    this.#down()
    if (!this.#troubled) {
      this.#troubled = true
      this.#host.log('warn', `RabbitMQ is not connected for ${this.#purpose}; trying on.`, { reason: reasonOf(error) })
    }
    this.#tell()
  }

  #down(): void {
    this.#up = false
    this.#blocked = false
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** The client takes lists apart at colons, so an IPv6 address can only be given alone. */
function addressOf(hosts: readonly string[]): { hosts: string[] } | { hostname: string; port: string } {
  const [only = ''] = hosts
  if (hosts.length > 1) return { hosts: [...hosts] }
  const colon = only.lastIndexOf(':')
  return { hostname: only.slice(0, colon).replace(/^\[|\]$/g, ''), port: only.slice(colon + 1) }
}
