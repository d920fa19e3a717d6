import {
  type Consumer,
  type EventRecord,
  type Host,
  type Outcome,
  type Sink,
  type SubscribeOptions,
  TidingsError,
  type Transport,
  type TransportCapabilities,
} from 'tidings/spi'

import type { Connection } from '../connection/connection.ts'
import { eventText } from '../events/event-text.ts'
import { PubSubConsumer } from './pub-sub-consumer.ts'
import type { PubSubSettings } from './pub-sub-options.ts'
import { readMessage } from './read-message.ts'
import { Subscriber } from './subscriber.ts'

/**
 * Events over Redis Pub/Sub: whoever listens now hears them, at most once. What is published while a connection is away is lost to it, and so
 * is what a slow consumer has no room for. Open, then closed.
 */
export class PubSubTransport implements Transport {
  readonly capabilities: TransportCapabilities
  readonly #settings: PubSubSettings
  readonly #host: Host
  readonly #connection: Connection
  readonly #subscriber: Subscriber
  readonly #consumers = new Set<PubSubConsumer>()
  readonly #running = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(connection: Connection, settings: PubSubSettings, host: Host) {
    this.capabilities = Object.freeze({
      name: 'redis-pubsub',
      kind: 'fanout',
      durability: 'memory',
      groups: false,
      ordering: 'stream',
      redelivery: false,
      replay: false,
      maxBytes: settings.maxBytes,
      partitions: 1,
    })
    this.#connection = connection
    this.#settings = settings
    this.#host = host
    this.#subscriber = new Subscriber({
      settings: settings.connection,
      host,
      heard: (channel, message) => this.#heard(channel, message),
    })
  }

  async publish(batch: readonly EventRecord[], signal?: AbortSignal): Promise<readonly Outcome[]> {
    this.#assertOpen()
    if (signal?.aborted === true) return batch.map(() => unknown(signal.reason))
    const published = Promise.all(batch.map((record) => this.#publishOne(record)))
    this.#running.add(published)
    const end = (): void => void this.#running.delete(published)
    published.then(end, end)
    if (signal === undefined) return published
    return new Promise((resolve) => {
      const abort = (): void => resolve(batch.map(() => unknown(signal.reason)))
      signal.addEventListener('abort', abort, { once: true })
      void published.then((outcomes) => {
        signal.removeEventListener('abort', abort)
        resolve(outcomes)
      })
    })
  }

  async subscribe(options: SubscribeOptions, sink: Sink): Promise<Consumer> {
    this.#assertOpen()
    check(options)
    const { group } = options
    const topics = options.topics === undefined ? undefined : new Set(options.topics)
    const channels = this.#channelsOf(topics)
    const consumer: PubSubConsumer = new PubSubConsumer({
      host: this.#host,
      group,
      topics,
      sink,
      buffer: this.#settings.buffer,
      closed: () => {
        this.#consumers.delete(consumer)
        this.#subscriber.leave(channels)
      },
    })
    this.#consumers.add(consumer)
    try {
      await this.#subscriber.join(channels)
    } catch (error) {
      await consumer.close()
      throw error
    }
    this.#assertOpen()
    return consumer
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const consumer of this.#consumers) await consumer.close()
    this.#subscriber.close()
    await this.#connection.close(Promise.allSettled(this.#running))
  }

  async #publishOne(record: EventRecord): Promise<Outcome> {
    const text = eventText(record)
    const { maxBytes, channelPrefix } = this.#settings
    if (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes) return tooLarge(maxBytes)
    try {
      await this.#connection.send(['PUBLISH', channelPrefix + record.category, text], 'Publishing', true)
      return { status: 'stored' }
    } catch (error) {
      return { status: 'unknown', error: error as Error }
    }
  }

  #heard(channel: string, message: Buffer): void {
    const heard = readMessage(message, this.#host.runtime.now())
    const topic = heard.record?.category ?? channel.slice(this.#settings.channelPrefix.length)
    for (const consumer of this.#consumers) {
      if (consumer.topics === undefined || consumer.topics.has(topic)) consumer.hear(heard)
    }
  }

  /** The patterns of the channels to listen to; those of single categories hold nothing special. */
  #channelsOf(topics: ReadonlySet<string> | undefined): readonly string[] {
    const { channelPrefix } = this.#settings
    return topics === undefined
      ? [`${literal(channelPrefix)}*`]
      : [...topics].map((topic) => literal(channelPrefix + topic))
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new TidingsError('TIDINGS_CLOSED', 'The Redis Pub/Sub transport is closed.')
  }
}

function literal(text: string): string {
  return text.replace(/[*?[\]\\]/g, '\\$&')
}

function unknown(reason: unknown): Outcome {
  const error = reason instanceof Error ? reason : new Error('Publishing was given up.')
  return { status: 'unknown', error }
}

function tooLarge(limit: number): Outcome {
  const error = new TidingsError('TIDINGS_TOO_LARGE', `The event is larger than ${limit} bytes as it would be sent.`, {
    details: { field: 'event', limit },
  })
  return { status: 'refused', error }
}

function check({ group, topics, exclusive }: SubscribeOptions): void {
  const invalid = (field: string, rule: string): TidingsError =>
    new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` ${rule}.`, { details: { field } })
  if (typeof group !== 'string' || group === '') throw invalid('group', 'to be a name that is not empty')
  if (
    topics !== undefined &&
    (topics.length === 0 || topics.some((topic) => typeof topic !== 'string' || topic === ''))
  )
    throw invalid('topics', 'to be one name or more, none of them empty; leave it out for all')
  if (exclusive === true) {
    throw new TidingsError(
      'TIDINGS_NOT_SUPPORTED',
      'Redis Pub/Sub has no groups, so nobody can have a subscription for himself.',
      { details: { capability: 'groups' } },
    )
  }
}
