import type { Consumer, Delivery, Host, Offset, Sink, Store, Timer } from 'tidings/spi'

/** Collection of how far groups have come, by `<group>\u001f<partition>`; and `<group>\u001f` alone, so that a group counts from the moment it joins. */
const collection = 'passed'

const separator = '\u001f'

/** How often progress is written, in milliseconds: it serves trimming only, and engines keep the truth themselves. */
const every = 2_000

interface Place {
  delivered: Offset
  done: Offset
  scanned: Offset
  written: Offset
}

/** Notes how far each group has come, from what consumers are told and say, so that what all have passed can be trimmed. */
export class GroupProgress {
  readonly #store: Store
  readonly #host: Host
  readonly #places = new Map<string, Place>()
  #timer: Timer | undefined
  #writing: Promise<void> = Promise.resolve()
  #closed = false

  constructor(store: Store, host: Host) {
    this.#store = store
    this.#host = host
  }

  /** From now on nothing is trimmed that this group has not passed. */
  async join(group: string): Promise<void> {
    const id = group + separator
    await this.#store.commit([{ expect: [{ collection, id, version: 0 }], documents: [{ collection, id, put: '0' }] }])
  }

  /** The sink that is told the same, with what it is told noted. */
  sink(group: string, sink: Sink): Sink {
    const forget = (partitions: readonly number[]): void => {
      for (const partition of partitions) this.#places.delete(idOf(group, partition))
    }
    return {
      async assigned(partitions) {
        forget(partitions)
        return sink.assigned(partitions)
      },
      revoked: async (partitions) => {
        await sink.revoked(partitions)
        // Whoever owns them next is behind by no more than what is noted now.
        await this.#write()
        forget(partitions)
      },
      lost(partitions) {
        forget(partitions)
        sink.lost(partitions)
      },
      deliver: (deliveries: readonly Delivery[]) => {
        for (const { partition, offset } of deliveries) this.#place(group, partition).delivered = offset
        sink.deliver(deliveries)
      },
      scanned: (partition, offset) => {
        this.#place(group, partition).scanned = offset
        sink.scanned(partition, offset)
      },
      ended: (cause) => sink.ended(cause),
    }
  }

  /** The consumer, with what it says to be done noted. */
  consumer(group: string, consumer: Consumer): Consumer {
    return {
      request: (count) => consumer.request(count),
      done: (partition, offset) => {
        const place = this.#place(group, partition)
        place.done = Math.max(place.done, offset)
        consumer.done(partition, offset)
      },
      settle: (delivery, how) => consumer.settle(delivery, how),
      seek: (partition, offset) => {
        this.#places.delete(idOf(group, partition))
        consumer.seek(partition, offset)
      },
      close: () => consumer.close(),
    }
  }

  /** Everything at or below has been passed by every group that has ever joined; 0 where there is none. */
  async passedByAll(partitions: number): Promise<Offset> {
    await this.#write()
    const documents = await this.#store.find(collection, { limit: 1_000_000 })
    const groups = new Map<string, { count: number; least: Offset }>()
    for (const { id, body } of documents) {
      const end = id.lastIndexOf(separator)
      const group = groups.get(id.slice(0, end)) ?? { count: 0, least: Number.POSITIVE_INFINITY }
      groups.set(id.slice(0, end), group)
      if (end === id.length - 1) continue
      group.count++
      group.least = Math.min(group.least, Number(body))
    }
    // A partition that a group has not begun with stands at the beginning.
    const passed = [...groups.values()].map(({ count, least }) => (count < partitions ? 0 : least))
    return passed.length === 0 ? 0 : Math.min(...passed)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    await this.#write()
  }

  #place(group: string, partition: number): Place {
    const id = idOf(group, partition)
    let place = this.#places.get(id)
    if (place === undefined) this.#places.set(id, (place = { delivered: 0, done: 0, scanned: 0, written: -1 }))
    this.#arm()
    return place
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#closed) return
    this.#timer = this.#host.runtime.setTimer(every, () => {
      this.#timer = undefined
      void this.#write()
    })
  }

  /** Never rejects: what could not be written is written next time, or by whoever goes on. */
  #write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const changed = [...this.#places]
        .map(([id, place]) => ({ id, place, offset: passedIn(place) }))
        .filter(({ place, offset }) => offset > place.written)
      if (changed.length === 0) return
      try {
        await this.#store.commit([
          { documents: changed.map(({ id, offset }) => ({ collection, id, put: String(offset) })) },
        ])
        for (const { place, offset } of changed) place.written = offset
      } catch (error) {
        this.#host.log('debug', 'How far groups have come could not be written; it is tried again.', { error })
        this.#arm()
      }
    })
    return this.#writing
  }
}

function idOf(group: string, partition: number): string {
  return group + separator + partition
}

/** What was looked at and matched nothing counts only once all that was delivered before it is done. */
function passedIn({ delivered, done, scanned }: Place): Offset {
  return done >= delivered ? Math.max(done, scanned) : done
}
