import type { Host, StreamName, Timer } from 'tidings/spi'

import type { KeepOptions } from '../../redis-options.ts'
import { type PruneOptions, prune } from '../log/prune.ts'
import { readStream } from '../log/read-stream.ts'

/** How often old events are let go, in milliseconds. */
const defaultEvery = 5_000

/** Events that one step lets go. */
const step = 1_000

export interface KeepWithinOptions extends PruneOptions {
  readonly keep: KeepOptions
  readonly host: Host
}

/**
 * Lets go in the background what is older or more than asked for, in steps with others in between. Every process that has the store open does so;
 * two that meet do no harm.
 */
export class KeepWithin {
  readonly #options: KeepWithinOptions
  /** Streams that have grown beyond what each may hold, by name, with their last version. */
  readonly #grown = new Map<string, { readonly stream: StreamName; readonly version: number }>()
  #timer: Timer | undefined
  #sweeping: Promise<void> = Promise.resolve()

  constructor(options: KeepWithinOptions) {
    this.#options = options
    this.#next()
  }

  /** An event was appended. */
  appended(stream: StreamName, version: number): void {
    const { perStream } = this.#options.keep
    if (perStream === undefined || version <= perStream) return
    const { tenant, category, key } = stream
    this.#grown.set(`${tenant}\n${category}\n${key}`, { stream: { tenant, category, key }, version })
  }

  close(): Promise<void> {
    this.#timer?.cancel()
    return this.#sweeping
  }

  #next(): void {
    const { host, keep, stopped } = this.#options
    if (keep.age === undefined && keep.events === undefined && keep.perStream === undefined) return
    this.#timer = host.runtime.setTimer(keep.every ?? defaultEvery, () => {
      this.#sweeping = this.#sweep()
        .catch((error: unknown) =>
          host.log('warn', 'Old events of the Redis store could not be let go; it is tried again.', { error }),
        )
        .finally(() => {
          if (!stopped()) this.#next()
        })
    })
  }

  async #sweep(): Promise<void> {
    await this.#capStreams()
    await this.#capLog()
    await this.#letAge()
  }

  async #capStreams(): Promise<void> {
    const { connection, keys, keep } = this.#options
    for (const [name, { stream, version }] of this.#grown) {
      this.#grown.delete(name)
      const from = version - (keep.perStream as number)
      const [newest] = await readStream(connection, keys, stream, { from, reverse: true, limit: 1 })
      if (newest === undefined) continue
      await this.#prune({ stream, through: newest.position })
    }
  }

  async #capLog(): Promise<void> {
    const { connection, keys, keep } = this.#options
    if (keep.events === undefined) return
    const count = Number(await connection.send(['XLEN', keys.log], 'Counting events'))
    if (count > keep.events) await this.#prune({ through: Number.MAX_SAFE_INTEGER }, count - keep.events)
  }

  /** Events come roughly by age, so it ends where a stretch of the log holds none that is too old. */
  async #letAge(): Promise<void> {
    const { host, keep } = this.#options
    if (keep.age === undefined) return
    const before = host.runtime.now() - keep.age
    await this.#prune({ through: Number.MAX_SAFE_INTEGER, before }, Number.POSITIVE_INFINITY, true)
  }

  async #prune(
    query: { readonly stream?: StreamName; readonly through: number; readonly before?: number },
    most = Number.POSITIVE_INFINITY,
    untilNone = false,
  ): Promise<void> {
    for (let left = most; left > 0 && !this.#options.stopped(); ) {
      const { removed, more } = await prune(this.#options, { ...query, limit: Math.min(step, left) }, { untilNone })
      left -= removed
      if (!more) return
    }
  }
}
