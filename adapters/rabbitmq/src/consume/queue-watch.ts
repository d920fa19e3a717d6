import type { Channel } from 'rabbitmq-client'

import type { Link } from '../connection/link.ts'
import type { GroupNames } from '../topology/names.ts'
import type { PartitionReader } from './partition-reader.ts'

/**
 * Looks for queues that hold messages which nobody gets: there is no active consumer although we listen, or we are the active one and nothing
 * comes. After a broker was killed both have been seen.
 */
export class QueueWatch {
  readonly #link: Link
  readonly #group: GroupNames
  readonly #readers: readonly PartitionReader[]
  /** Readers that looked silent the last time; twice in a row is once too often. */
  #suspects = new Set<PartitionReader>()
  #channel: Channel | undefined

  constructor(link: Link, group: GroupNames, readers: readonly PartitionReader[]) {
    this.#link = link
    this.#group = group
    this.#readers = readers
  }

  /** Readers that should listen anew. Never rejects. */
  async look(): Promise<readonly PartitionReader[]> {
    const silent = new Set<PartitionReader>()
    try {
      for (const reader of this.#readers) if (await this.#isSilent(reader)) silent.add(reader)
    } catch {
      // The connection, or the queue, has gone: others notice.
      this.#channel = undefined
      return []
    }
    const found = [...silent].filter((reader) => this.#suspects.has(reader))
    this.#suspects = new Set([...silent].filter((reader) => !found.includes(reader)))
    return found
  }

  async close(): Promise<void> {
    await this.#channel?.close()
  }

  async #isSilent(reader: PartitionReader): Promise<boolean> {
    if (!reader.open || !reader.idle || !this.#link.up) return false
    if (this.#channel?.active !== true) this.#channel = await this.#link.acquire()
    const queue = this.#group.queues[reader.partition] as string
    const { messageCount, consumerCount } = await this.#channel.queueDeclare({ queue, passive: true })
    return messageCount > 0 && reader.idle && (consumerCount === 0 || reader.owned)
  }
}
