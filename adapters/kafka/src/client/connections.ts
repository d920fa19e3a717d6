import type { Connection, ConnectionOptions } from '@platformatic/kafka'

import type { Client } from './load-client.ts'

export interface Broker {
  readonly host: string
  readonly port: number
}

/** One connection to each broker, for one purpose: a broker answers the requests of a connection one after another. */
export class Connections {
  readonly #client: Client
  readonly #clientId: string
  readonly #options: ConnectionOptions
  readonly #open = new Map<string, Promise<Connection>>()
  readonly #all = new Set<Connection>()
  #closed = false

  constructor(client: Client, clientId: string, options: ConnectionOptions) {
    this.#client = client
    this.#clientId = clientId
    this.#options = options
  }

  /** The connection to a broker, made where there is none. Rejects where it cannot be made. */
  to(broker: Broker): Promise<Connection> {
    const key = `${broker.host}:${broker.port}`
    const found = this.#open.get(key)
    if (found !== undefined) return found
    const made = this.#connect(broker, () => {
      if (this.#open.get(key) === made) this.#open.delete(key)
    })
    this.#open.set(key, made)
    return made
  }

  async #connect({ host, port }: Broker, gone: () => void): Promise<Connection> {
    if (this.#closed) throw new Error('The connections are closed.')
    const connection = new this.#client.Connection(this.#clientId, this.#options)
    this.#all.add(connection)
    const forget = (): void => {
      gone()
      if (!this.#all.delete(connection)) return
      // Also a connection that is gone keeps its timer for logging in again until it is told to close.
      connection.close(() => {})
    }
    // Whoever waits for an answer hears of the failure there; without a listener it would end the process.
    connection.on('error', forget)
    connection.on('close', forget)
    try {
      await connection.connect(host, port)
    } catch (error) {
      forget()
      throw error
    }
    return connection
  }

  /** Ends all connections at once; requests under way fail. Idempotent. */
  close(): void {
    this.#closed = true
    for (const connection of this.#all) {
      const { socket } = connection
      const connecting = !connection.isConnected()
      connection.close(() => {})
      socket?.destroy()
      // Who waits for a connection is told only when it opens or fails; one that was destroyed does neither.
      if (connecting) connection.emit('close')
    }
    this.#all.clear()
    this.#open.clear()
  }
}
