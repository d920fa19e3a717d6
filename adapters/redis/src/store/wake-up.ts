import type { Host } from 'tidings/spi'

import { type Client, makeClient } from '../connection/connection.ts'
import type { ConnectionSettings } from '../redis-options.ts'

export interface WakeUpOptions {
  readonly settings: ConnectionSettings
  readonly host: Host
  readonly channel: string
  /** How this store signs its own commits: they wake without a way round the server. */
  readonly self: string
}

/**
 * Wakes those who watch: after a commit of this store, and when another one tells of its own on the channel. Listens on a connection of
 * its own, made when somebody watches first. While that is away nobody is woken, and once it is back everybody is, for there may be news.
 */
export class WakeUp {
  readonly #options: WakeUpOptions
  readonly #watching = new Set<{ readonly wake: () => void }>()
  #client: Client | undefined
  #waking = false
  #closed = false

  constructor(options: WakeUpOptions) {
    this.#options = options
  }

  add(wake: () => void): () => void {
    if (this.#closed) return () => {}
    const watcher = { wake }
    this.#watching.add(watcher)
    this.#client ??= this.#listen()
    return () => void this.#watching.delete(watcher)
  }

  /** Somebody has committed. Many commits of one turn wake once. */
  committed(): void {
    if (this.#waking || this.#watching.size === 0) return
    this.#waking = true
    queueMicrotask(() => {
      this.#waking = false
      for (const { wake } of this.#watching) wake()
    })
  }

  close(): void {
    this.#closed = true
    this.#watching.clear()
    this.#client?.destroy()
  }

  #listen(): Client {
    const { settings, host, channel, self } = this.#options
    const client = makeClient(settings, host, { queue: true })
    client.on('error', (error) =>
      host.log('debug', 'Redis cannot be listened to for commits; they are looked for.', { error }),
    )
    client.on('ready', () => this.committed())
    // Neither ends before the client does: it comes back by itself, and subscribes again.
    client.connect().catch(() => {})
    client
      .subscribe(channel, (from) => {
        if (from !== self) this.committed()
      })
      .catch((error: unknown) => {
        if (!this.#closed)
          host.log('warn', 'Redis does not let this store listen for commits; they are looked for.', { error })
      })
    return client
  }
}
