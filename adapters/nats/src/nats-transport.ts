import {
  type Consumer,
  type EventRecord,
  type GroupDocuments,
  type Host,
  type LogGroups,
  logGroups,
  type Outcome,
  type Sink,
  type SubscribeOptions,
  type Transport,
  type TransportCapabilities,
  Turn,
} from 'tidings/spi'

import type { Link } from './connection/link.ts'
import { closed } from './connection/nats-errors.ts'
import { KvDocuments } from './groups/kv-documents.ts'
import type { NatsSettings } from './nats-options.ts'
import { Publisher } from './publish/publisher.ts'
import { NatsReading } from './read/nats-reading.ts'
import { StreamWatch } from './read/stream-watch.ts'
import { openStream, type StreamFacts } from './stream/open-stream.ts'

/** How long a request to a group's documents may take once the transport closes, in milliseconds: leases run out by themselves. */
const hurried = 500

/** A stream of JetStream, read as a log. */
export class NatsTransport implements Transport {
  readonly capabilities: TransportCapabilities
  readonly #link: Link
  readonly #publisher: Publisher
  readonly #groups: LogGroups
  readonly #watch: StreamWatch
  readonly #documents = new Map<string, GroupDocuments>()
  #closing: Promise<void> | undefined

  constructor(link: Link, settings: NatsSettings, facts: StreamFacts, host: Host) {
    const { name: prefix, partitions, storage, largest = Number.POSITIVE_INFINITY } = facts
    const { prefetch, prefetchBytes, timeout, lease } = settings
    const maxBytes = Math.min(link.nats.info?.max_payload ?? 1_048_576, largest)
    this.#link = link
    this.capabilities = Object.freeze({
      name: 'nats',
      kind: 'log',
      durability: storage === 'memory' ? 'memory' : 'broker',
      groups: true,
      ordering: 'stream',
      redelivery: true,
      replay: true,
      maxBytes,
      partitions,
      remembers: true,
      // A stream may be deleted and made again while this goes on.
      get log() {
        return watch.created
      },
    })
    const turn = new Turn(host.runtime)
    const watch = new StreamWatch(link, host, facts, () => openStream(link.manager, { ...settings, partitions }, host))
    const streamMissing = (): void => watch.repair()
    this.#watch = watch
    this.#publisher = new Publisher({ link, host, prefix, partitions, maxBytes, timeout, streamMissing })
    this.#groups = logGroups({
      host,
      lease,
      partitions,
      documents: (group) => {
        const known = this.#documents.get(group)
        if (known !== undefined) return known
        const documents = new KvDocuments({
          link,
          host,
          prefix,
          group,
          timeout: () => (this.#closing === undefined ? Math.min(timeout, lease) : hurried),
          missing: streamMissing,
        })
        this.#documents.set(group, documents)
        return documents
      },
      head: () => watch.end(),
      // Members that name a store keep their place there; nothing is noted of them.
      progress: { of: 'relied', log: () => watch.created },
      reading: (subscribe, sink, failed) =>
        new NatsReading({ link, host, turn, watch, stream: prefix, subscribe, sink, prefetch, prefetchBytes, failed }),
    })
    link.listen({ up: () => {}, down: () => {}, over: (cause) => this.#groups.end(cause) })
  }

  async publish(batch: readonly EventRecord[], signal?: AbortSignal): Promise<readonly Outcome[]> {
    if (this.#closing !== undefined) throw closed()
    return this.#publisher.publish(batch, signal)
  }

  async subscribe(options: SubscribeOptions, sink: Sink): Promise<Consumer> {
    if (this.#closing !== undefined) throw closed()
    // A reading that begins while the stream is made again would end as soon as that has happened.
    await this.#watch.ready()
    if (this.#closing !== undefined) throw closed()
    return this.#groups.subscribe(options, sink)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all([this.#groups.close(), this.#publisher.close()])
    await this.#link.close()
  }
}
