import type { EventBus, HistoricEvent } from 'tidings'

/** One event as the page shows it. All of it is text from elsewhere. */
export interface EventRow {
  readonly position: number
  readonly id: string
  readonly time: string
  readonly type: string
  readonly source: string
  readonly key: string
  readonly correlation: string
  readonly causation: string
  /** Short and masked. */
  readonly data: string
}

type Mask = (type: string, data: unknown) => string

/** Most events of one chain that are shown. */
const longestChain = 500

/**
 * The newest events of a log, for any number of watchers at the price of one. Reads only while somebody watches, and skips what it cannot
 * keep up with: it is a window, not a record.
 */
export class EventFeed {
  readonly #bus: EventBus
  readonly #keep: number
  readonly #mask: Mask
  #rows: EventRow[] = []
  #after = 0

  constructor(bus: EventBus, keep: number, mask: Mask) {
    this.#bus = bus
    this.#keep = keep
    this.#mask = mask
  }

  /** The newest events, oldest first. */
  get rows(): readonly EventRow[] {
    return this.#rows
  }

  /** Reads on, up to the head of the log; answers what is new. */
  async read(head: number): Promise<readonly EventRow[]> {
    if (head <= this.#after) return []
    const fresh: EventRow[] = []
    try {
      for await (const event of this.#bus.store.readAll({
        after: Math.max(this.#after, head - this.#keep),
        upTo: head,
      })) {
        fresh.push(this.#row(event))
      }
    } finally {
      // Whatever could not be read will not be readable the next time either.
      this.#after = head
      this.#rows = [...this.#rows, ...fresh].slice(-this.#keep)
    }
    return fresh
  }

  /** Everything that belongs to one correlation, oldest first. */
  async chain(correlation: string): Promise<readonly EventRow[]> {
    const chain: EventRow[] = []
    for await (const event of this.#bus.store.readAll({ correlation })) {
      chain.push(this.#row(event))
      if (chain.length >= longestChain) break
    }
    return chain
  }

  #row(event: HistoricEvent): EventRow {
    const { position, id, time, type, source, key, context, data } = event
    const { correlationId = id, causationId = '' } = context
    return {
      position,
      id,
      time,
      type,
      source,
      key,
      correlation: correlationId,
      causation: causationId,
      data: this.#mask(type, data),
    }
  }
}
