import type pg from 'pg'
import type { Runtime, Timer } from 'tidings/spi'

import { backendOf } from '../connect/connect.ts'
import { Link } from '../connect/link.ts'

export interface AnnouncementsOptions {
  readonly runtime: Runtime
  readonly timeout: number
  readonly connect: () => Promise<pg.Client>
  readonly channel: string
}

/** Fewest milliseconds between two notifications, and between two tries to connect. */
const between = 10
const betweenTries = 1_000

/**
 * Tells other processes that something was committed, and hears it from them, on one connection. Never inside the transaction that
 * appends: a committing notifier takes a lock that all notifiers of the server share. Many commits are told once; what
 * is not told is found by looking.
 */
export class Announcements {
  /** Called when another process has committed, or may have while nobody listened. */
  heard: () => void = () => {}
  readonly #options: AnnouncementsOptions
  readonly #link: Link
  #listening: pg.Client | undefined
  #trying = false
  #triedAt = Number.NEGATIVE_INFINITY
  #toldAt = Number.NEGATIVE_INFINITY
  #telling = false
  #untold = false
  #timer: Timer | undefined
  #closed = false

  constructor(options: AnnouncementsOptions) {
    this.#options = options
    this.#link = new Link(options)
  }

  announce(): void {
    if (this.#closed) return
    this.#untold = true
    if (this.#telling || this.#timer !== undefined) return
    const { runtime } = this.#options
    const wait = this.#toldAt + between - runtime.monotonic()
    if (wait > 0) {
      this.#timer = runtime.setTimer(wait, () => {
        this.#timer = undefined
        void this.#tell()
      })
    } else void this.#tell()
  }

  /** Listens, if it does not yet. */
  listen(): void {
    const { runtime } = this.#options
    if (this.#listening !== undefined || this.#trying || this.#closed) return
    if (runtime.monotonic() - this.#triedAt < betweenTries) return
    this.#triedAt = runtime.monotonic()
    void this.#listen()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    await this.#link.close()
  }

  async #tell(): Promise<void> {
    if (this.#closed) return
    const { runtime, channel } = this.#options
    this.#telling = true
    this.#untold = false
    this.#toldAt = runtime.monotonic()
    try {
      await this.#link.rows(undefined, `notify ${channel}`, [])
    } catch {
      // Others look for themselves.
    }
    this.#telling = false
    if (this.#untold) this.announce()
  }

  async #listen(): Promise<void> {
    this.#trying = true
    try {
      const client = await this.#link.connected()
      const self = backendOf(client)
      client.on('notification', ({ processId }) => {
        if (processId !== self && !this.#closed) this.heard()
      })
      client.once('end', () => {
        if (this.#listening === client) this.#listening = undefined
      })
      await this.#link.rows(undefined, `listen ${this.#options.channel}`, [])
      this.#listening = client
      if (!this.#closed) this.heard()
    } catch {
      // The next look tries again.
    }
    this.#trying = false
  }
}
