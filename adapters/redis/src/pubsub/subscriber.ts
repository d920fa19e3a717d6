import { type Host, TidingsError } from 'tidings/spi'

import { type Client, makeClient } from '../connection/connection.ts'
import { redisError } from '../connection/redis-errors.ts'
import type { ConnectionSettings } from '../redis-options.ts'

export interface SubscriberOptions {
  readonly settings: ConnectionSettings
  readonly host: Host
  readonly heard: (channel: string, message: Buffer) => void
}

/**
 * One connection that listens, for all consumers of a transport, made when the first of them comes. Each channel is listened to by one pattern,
 * and everything once: where all channels are wanted, patterns of single ones are not asked for as well.
 */
export class Subscriber {
  readonly #options: SubscriberOptions
  /** How many consumers want each pattern. */
  readonly #wanted = new Map<string, number>()
  /** Patterns that the server was asked for. */
  readonly #asked = new Set<string>()
  #client: Client | undefined
  #turn: Promise<void> = Promise.resolve()
  #lost = false
  #closed = false

  constructor(options: SubscriberOptions) {
    this.#options = options
  }

  /** Resolves when everything that is published from then on is heard. */
  async join(patterns: readonly string[]): Promise<void> {
    for (const pattern of patterns) this.#wanted.set(pattern, (this.#wanted.get(pattern) ?? 0) + 1)
    await this.#settle()
  }

  leave(patterns: readonly string[]): void {
    for (const pattern of patterns) {
      const count = (this.#wanted.get(pattern) ?? 0) - 1
      if (count > 0) this.#wanted.set(pattern, count)
      else this.#wanted.delete(pattern)
    }
    // Whoever leaves need not wait; what cannot be unsubscribed is heard by nobody.
    this.#settle().catch(() => {})
  }

  close(): void {
    this.#closed = true
    this.#client?.destroy()
  }

  /** One change of subscriptions at a time, so that none overtakes another. */
  #settle(): Promise<void> {
    const settled = this.#turn.then(() => this.#change())
    this.#turn = settled.catch(() => {})
    return settled
  }

  async #change(): Promise<void> {
    if (this.#closed) return
    if (this.#client === undefined) {
      if (this.#wanted.size === 0) return
      this.#client = await this.#connect()
    }
    const client = this.#client
    const needed = this.#needed()
    try {
      // First the new ones: nothing may be missed in between.
      for (const pattern of needed) {
        if (this.#asked.has(pattern)) continue
        await client.pSubscribe(pattern, this.#hear, true)
        this.#asked.add(pattern)
      }
      for (const pattern of this.#asked) {
        if (needed.includes(pattern)) continue
        this.#asked.delete(pattern)
        await client.pUnsubscribe(pattern)
      }
    } catch (error) {
      throw redisError(error, 'Subscribing', false)
    }
  }

  /** A pattern that ends with a star hears all; beside it the others would hear a second time. */
  #needed(): readonly string[] {
    const wanted = [...this.#wanted.keys()]
    const all = wanted.find((pattern) => pattern.endsWith('*') && !pattern.endsWith('\\*'))
    return all === undefined ? wanted : [all]
  }

  readonly #hear = (message: Buffer, channel: Buffer): void => {
    if (!this.#closed) this.#options.heard(channel.toString('utf8'), message)
  }

  async #connect(): Promise<Client> {
    const { settings, host } = this.#options
    const client = makeClient(settings, host, { queue: true })
    let opened = false
    client.on('error', (error) => {
      if (!opened) client.destroy()
      else if (!this.#lost) {
        this.#lost = true
        host.log('warn', 'The connection to Redis Pub/Sub is lost: what is published meanwhile is missed.', { error })
      }
    })
    client.on('ready', () => {
      if (this.#lost) host.log('info', 'The connection to Redis Pub/Sub is back.')
      this.#lost = false
    })
    try {
      await client.connect()
    } catch (cause) {
      const { host: name, port } = settings
      throw new TidingsError(
        'TIDINGS_STORE_UNAVAILABLE',
        `Cannot use Redis at ${name}:${port}: there is no connection.`,
        {
          cause,
          details: { host: name, port },
        },
      )
    }
    opened = true
    if (this.#closed) client.destroy()
    return client
  }
}
