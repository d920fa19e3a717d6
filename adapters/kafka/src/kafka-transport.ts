import {
  type Consumer,
  type EventRecord,
  type Outcome,
  type Sink,
  type SubscribeOptions,
  type Transport,
  type TransportCapabilities,
  Turn,
} from 'tidings/spi'

import { closed } from './client/broker-error.ts'
import type { Cluster } from './client/cluster.ts'
import { KafkaConsumer } from './consume/kafka-consumer.ts'
import { invalidOption } from './invalid-option.ts'
import { Producer } from './produce/producer.ts'
import { topicOf } from './topics/topic-names.ts'
import type { TopicRules } from './topics/topic-rules.ts'
import type { Topics } from './topics/topics.ts'
import { batchHead } from './wire/out-batch.ts'

/** One connection of a process to Kafka: publishes, and reads as a member of groups. */
export class KafkaTransport implements Transport {
  readonly capabilities: TransportCapabilities
  readonly #cluster: Cluster
  readonly #topics: Topics
  readonly #producer: Producer
  readonly #turn: Turn
  readonly #consumers = new Set<KafkaConsumer>()
  #closing: Promise<void> | undefined

  constructor(cluster: Cluster, topics: Topics, rules: TopicRules) {
    this.#cluster = cluster
    this.#topics = topics
    this.#producer = new Producer(cluster, topics)
    this.#turn = new Turn(cluster.host.runtime)
    this.capabilities = Object.freeze({
      name: 'kafka',
      kind: 'log',
      durability: 'broker',
      groups: true,
      ordering: 'stream',
      redelivery: true,
      replay: true,
      maxBytes: rules.maxBytes - batchHead,
      partitions: cluster.settings.partitions,
      topicPartitions: true,
      remembers: true,
    })
  }

  publish(batch: readonly EventRecord[], signal?: AbortSignal): Promise<readonly Outcome[]> {
    if (this.#closing !== undefined) return Promise.reject(closed())
    return this.#producer.publish(batch, signal)
  }

  async subscribe(subscribe: SubscribeOptions, sink: Sink): Promise<Consumer> {
    if (this.#closing !== undefined) throw closed()
    check(subscribe, this.#cluster.settings.prefix)
    const consumer = new KafkaConsumer({
      cluster: this.#cluster,
      topics: this.#topics,
      turn: this.#turn,
      subscribe,
      sink,
      closed: (gone) => this.#consumers.delete(gone),
    })
    this.#consumers.add(consumer)
    try {
      await consumer.join()
      if (this.#closing !== undefined) throw closed()
    } catch (error) {
      consumer.begin()
      await consumer.close()
      throw this.#closing === undefined ? error : closed()
    }
    consumer.begin()
    return consumer
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { closeTimeout } = this.#cluster.settings
    await Promise.all([this.#producer.close(closeTimeout), ...[...this.#consumers].map((consumer) => consumer.close())])
    this.#cluster.close()
  }

  /** Ends everything at once and tells nobody, as the death of the process would. */
  abandon(): void {
    this.#closing ??= Promise.resolve()
    for (const consumer of this.#consumers) consumer.abandon()
    this.#producer.abandon()
    this.#cluster.close()
  }
}

function check({ group, topics, start = 'beginning' }: SubscribeOptions, prefix: string): void {
  if (typeof group !== 'string' || group === '' || Buffer.byteLength(prefix + group) > 1_000)
    throw invalidOption('group', 'a name of at most 1,000 bytes that is not empty')
  if (
    topics !== undefined &&
    (topics.length === 0 || topics.some((topic) => typeof topic !== 'string' || topic === ''))
  )
    throw invalidOption('topics', 'one name or more, none of them empty; leave it out for all')
  for (const topic of topics ?? []) topicOf(prefix, topic)
  if (start !== 'beginning' && start !== 'end') throw invalidOption('start', "'beginning' or 'end'")
}
