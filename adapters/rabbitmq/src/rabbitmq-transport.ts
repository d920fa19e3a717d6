import type {
  Consumer,
  EventRecord,
  Host,
  Outcome,
  Sink,
  SubscribeOptions,
  Transport,
  TransportCapabilities,
} from 'tidings/spi'

import { closedError } from './connection/broker-error.ts'
import type { Link } from './connection/link.ts'
import { GroupConsumer } from './consume/group-consumer.ts'
import { Publisher } from './publish/publisher.ts'
import type { RabbitmqSettings } from './rabbitmq-options.ts'
import { declareShared } from './topology/events.ts'
import { bindingOf, groupNamesOf, namesOf } from './topology/names.ts'

/**
 * Events through RabbitMQ. Publishing and consuming have a connection each: a broker that is short of memory or disk stops reading from those
 * that publish, and what is done must still be told.
 */
export class RabbitmqTransport implements Transport {
  readonly capabilities: TransportCapabilities
  readonly #publishing: Link
  readonly #openConsuming: () => Link
  readonly #settings: RabbitmqSettings
  readonly #host: Host
  readonly #publisher: Publisher
  readonly #consumers = new Set<GroupConsumer>()
  #consuming: Link | undefined
  #entering: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  constructor(publishing: Link, openConsuming: () => Link, settings: RabbitmqSettings, host: Host) {
    this.#publishing = publishing
    this.#openConsuming = openConsuming
    this.#settings = settings
    this.#host = host
    this.#publisher = new Publisher(publishing, settings, host, (channel) =>
      declareShared(channel, namesOf(settings.prefix), settings.partitions),
    )
    this.capabilities = Object.freeze({
      name: 'rabbitmq',
      kind: 'queue',
      durability: 'broker',
      groups: true,
      ordering: 'stream',
      redelivery: true,
      replay: false,
      maxBytes: settings.maxBytes,
      partitions: settings.partitions,
    })
  }

  publish(batch: readonly EventRecord[], signal?: AbortSignal): Promise<readonly Outcome[]> {
    return this.#publisher.publish(batch, signal)
  }

  async subscribe({ group, topics, exclusive = false }: SubscribeOptions, sink: Sink): Promise<Consumer> {
    if (this.#closing !== undefined) throw closedError()
    const { prefix, partitions } = this.#settings
    for (const topic of topics ?? []) bindingOf(topic)
    this.#consuming ??= this.#openConsuming()
    const consumer = new GroupConsumer({
      consuming: this.#consuming,
      publishing: this.#publishing,
      settings: this.#settings,
      host: this.#host,
      names: namesOf(prefix),
      group: groupNamesOf(prefix, group, partitions),
      topics,
      exclusive,
      sink,
      inTurn: (work) => this.#inTurn(work),
      left: () => void this.#consumers.delete(consumer),
    })
    this.#consumers.add(consumer)
    await consumer.join()
    return consumer
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { closeTimeout } = this.#settings
    const publisher = this.#publisher.close(closeTimeout)
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()))
    await publisher
    await Promise.all([this.#publishing.close(closeTimeout), this.#consuming?.close(closeTimeout)])
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const run = this.#entering.then(work)
    this.#entering = run.catch(() => {})
    return run
  }
}
