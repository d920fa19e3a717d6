import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { connect, createInbox, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'
import { type Host, TidingsError } from 'tidings/spi'

import type { NatsSettings } from '../nats-options.ts'
import { closed, unavailable } from './nats-errors.ts'

/** Who wants to know when the connection goes and comes. */
export interface LinkListener {
  /** There is a new connection. What was sent over the old one may be lost, or may not be. */
  up(): void
  down(): void
  /** There will be none any more. */
  over(cause: Error): void
}

/**
 * The connection to NATS, which the client makes anew as often as it must: up ⇄ down, then closed. While it is down nothing is sent, since
 * the client would keep it and send it at a time when nobody waits for it any more.
 */
export class Link {
  readonly nats: NatsConnection
  readonly manager: JetStreamManager
  /** Subject of JetStream's own requests. */
  readonly api: string
  readonly #inboxPrefix: string | undefined
  readonly #host: Host
  readonly #listeners = new Set<LinkListener>()
  #up = true
  #closing: Promise<void> | undefined
  #dead = false

  private constructor(
    nats: NatsConnection,
    manager: JetStreamManager,
    { domain, inboxPrefix }: NatsSettings,
    host: Host,
  ) {
    this.nats = nats
    this.manager = manager
    this.api = domain === undefined ? '$JS.API' : `$JS.${domain}.API`
    this.#inboxPrefix = inboxPrefix
    this.#host = host
    void this.#watch()
    void nats.closed().then((error) => this.#over(error instanceof Error ? error : undefined))
  }

  static async open(settings: NatsSettings, host: Host): Promise<Link> {
    const { domain, timeout } = settings
    let nats: NatsConnection
    try {
      nats = await connect(connectionOptions(settings, host))
    } catch (cause) {
      throw unavailable(`at ${settings.servers.join(', ')}`, cause)
    }
    try {
      const manager = await jetstreamManager(nats, {
        timeout,
        checkAPI: false,
        ...(domain !== undefined && { domain }),
      })
      return new Link(nats, manager, settings, host)
    } catch (cause) {
      await nats.close()
      throw unavailable('while JetStream is looked for', cause)
    }
  }

  get up(): boolean {
    return this.#up && this.#closing === undefined && !this.#dead
  }

  /** Whether nothing may be said to anybody any more. */
  get dead(): boolean {
    return this.#dead
  }

  /** A subject of our own, to be answered to. */
  inbox(): string {
    return createInbox(this.#inboxPrefix)
  }

  /** Returns how to stop listening. */
  listen(listener: LinkListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Rejects at once where there is no connection, else with a coded error as soon as it is lost. `doing` continues "NATS cannot be reached". */
  async ask<Answer>(doing: string, work: () => Promise<Answer>): Promise<Answer> {
    if (this.#dead) return new Promise<never>(() => {})
    if (this.#closing !== undefined) throw closed()
    if (!this.#up) throw unavailable(doing, undefined)
    const lost = Promise.withResolvers<never>()
    const stop = this.listen({
      up: () => {},
      down: () => lost.reject(unavailable(doing, undefined)),
      over: lost.reject,
    })
    try {
      return await Promise.race([work(), lost.promise])
    } catch (error) {
      throw this.#closing === undefined ? unavailable(doing, error) : closed()
    } finally {
      stop()
      if (this.#dead) await new Promise<never>(() => {})
    }
  }

  /** Ends the connection; what is on its way is not waited for. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.nats.close().catch(() => {})
    return this.#closing
  }

  /** Ends it as the death of the process would: nobody is told anything. */
  async die(): Promise<void> {
    this.#dead = true
    this.#listeners.clear()
    await this.close()
  }

  async #watch(): Promise<void> {
    const { log } = this.#host
    for await (const status of this.nats.status()) {
      if (this.#dead || this.#closing !== undefined) continue
      if (status.type === 'disconnect' && this.#up) {
        this.#up = false
        log('warn', 'The connection to NATS is lost; it is made anew.', { server: status.server })
        this.#tell((listener) => listener.down())
      } else if (status.type === 'reconnect') {
        this.#up = true
        log('info', 'The connection to NATS is back.', { server: status.server })
        this.#tell((listener) => listener.up())
      } else if (status.type === 'error')
        log('warn', 'NATS reports an error.', { error: status.error.name, reason: status.error.message })
    }
  }

  #over(cause: Error | undefined): void {
    if (this.#dead || this.#closing !== undefined) return
    this.#up = false
    const error = new TidingsError('TIDINGS_BROKER_UNAVAILABLE', 'The NATS client has given up its connection.', {
      cause,
    })
    this.#host.log('error', 'The connection to NATS is lost for good.', { error: cause?.message })
    this.#closing = Promise.resolve()
    this.#tell((listener) => listener.over(error))
  }

  #tell(tell: (listener: LinkListener) => void): void {
    for (const listener of this.#listeners) {
      try {
        tell(listener)
      } catch (error) {
        this.#host.log('error', 'The NATS transport failed to follow its connection.', { error })
      }
    }
  }
}

function connectionOptions(settings: NatsSettings, { runtime }: Host): NodeConnectionOptions {
  const { servers, name, timeout, pingInterval, user, password, token, authenticator, tls, inboxPrefix } = settings
  return {
    servers: [...servers],
    name,
    timeout,
    pingInterval,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    // A password that is being changed may be refused twice.
    ignoreAuthErrorAbort: true,
    reconnectDelayHandler: () => 100 + 400 * runtime.random(),
    noAsyncTraces: true,
    ...(user !== undefined && { user }),
    ...(password !== undefined && { pass: password }),
    ...(token !== undefined && { token }),
    ...(authenticator !== undefined && { authenticator }),
    ...(tls !== undefined && { tls }),
    ...(inboxPrefix !== undefined && { inboxPrefix }),
  }
}
