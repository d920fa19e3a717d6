import { TidingsError } from 'tidings/spi'

import { BrokerError, nameOfError, topicExists, unavailable, unknownTopic } from '../client/broker-error.ts'
import type { Cluster, TopicState } from '../client/cluster.ts'
import { partitionNumber } from './partition-number.ts'
import { isTopicOf, topicOf } from './topic-names.ts'
import { readTopicRules, type TopicRules } from './topic-rules.ts'

/** A topic that is published to. */
export interface OutTopic {
  readonly name: string
  readonly rules: TopicRules
  state: TopicState
}

/** Which topics there are: finds them, makes missing ones, and knows what was last heard of them. */
export class Topics {
  readonly #cluster: Cluster
  readonly #known = new Map<string, TopicState>()
  readonly #out = new Map<string, OutTopic>()
  readonly #opening = new Map<string, Promise<OutTopic>>()
  #refreshing: Promise<void> | undefined

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** What was last heard of a topic. */
  state(topic: string): TopicState | undefined {
    return this.#known.get(topic)
  }

  /** The topic that events of a category are published to, where it has been opened. */
  opened(category: string): OutTopic | undefined {
    return this.#out.get(category)
  }

  /** The same, opened now where it was not: made where it is missing, its rules read. Rejects with a coded error that says what to do. */
  open(category: string): Promise<OutTopic> {
    const found = this.#out.get(category)
    if (found !== undefined) return Promise.resolve(found)
    const under = this.#opening.get(category)
    if (under !== undefined) return under
    const opening = this.#open(category).finally(() => this.#opening.delete(category))
    this.#opening.set(category, opening)
    return opening
  }

  /** Opens several; resolves when that is over with why some could not be. */
  async openAll(categories: ReadonlySet<string>): Promise<ReadonlyMap<string, Error>> {
    const failures = new Map<string, Error>()
    const note = (category: string, error: unknown): void => void failures.set(category, error as Error)
    await Promise.all([...categories].map((one) => this.open(one).catch((error: unknown) => note(one, error))))
    return failures
  }

  async #open(category: string): Promise<OutTopic> {
    const { settings } = this.#cluster
    const name = topicOf(settings.prefix, category)
    const [state] = await this.ensure([name])
    const topic: OutTopic = {
      name,
      state: state as TopicState,
      rules: await readTopicRules(this.#cluster, state as TopicState),
    }
    this.#out.set(category, topic)
    return topic
  }

  /** Topics by name, made where they are missing. Rejects with a coded error that says what to make. */
  async ensure(names: readonly string[]): Promise<readonly TopicState[]> {
    const { settings } = this.#cluster
    return this.#cluster.persist('while topics are looked for', settings.deliveryTimeout, async () => {
      await this.#ask(names)
      const missing = names.filter((name) => !this.#known.has(name))
      if (missing.length > 0) await this.#make(missing)
      return names.map((name) => this.#known.get(name) as TopicState)
    })
  }

  /** Looks at topics that are not known yet; those that are missing stay unknown. */
  async look(names: readonly string[]): Promise<void> {
    const unknown = names.filter((name) => !this.#known.has(name))
    if (unknown.length > 0) await this.#ask(unknown)
  }

  /** Every topic of the prefix. */
  async all(): Promise<readonly TopicState[]> {
    const { prefix } = this.#cluster.settings
    const { topics, errors } = await this.#cluster.metadata(undefined)
    // Those that are not named any more are gone; those of which a broker cannot tell now are not.
    for (const name of this.#known.keys()) if (!topics.has(name) && !errors.has(name)) this.#known.delete(name)
    this.#note(topics)
    return [...this.#known.values()].filter(({ name }) => isTopicOf(prefix, name))
  }

  /** Asks anew who leads what, for all topics that are known; many askers share one question. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#ask([...this.#known.keys()]).finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  async #ask(names: readonly string[]): Promise<void> {
    const { topics, errors } = await this.#cluster.metadata(names)
    for (const [name, error] of errors) {
      if (error === unknownTopic) this.#known.delete(name)
      else if (!this.#known.has(name)) throw this.#refused(name, error, null)
    }
    this.#note(topics)
  }

  #note(topics: ReadonlyMap<string, TopicState>): void {
    for (const [name, state] of topics) {
      const known = this.#known.get(name)
      if (known !== undefined && known.id === state.id && known.partitions.length < state.partitions.length) {
        this.#cluster.host.log(
          'warn',
          'A topic has more partitions than before: streams move, and their order over the change is not kept.',
          {
            topic: name,
            before: known.partitions.length,
            now: state.partitions.length,
          },
        )
      }
      this.#known.set(name, state)
    }
    for (const out of this.#out.values()) {
      const state = topics.get(out.name)
      if (state !== undefined) out.state = state
    }
  }

  async #make(names: readonly string[]): Promise<void> {
    const { settings, requests, host } = this.#cluster
    if (!settings.createTopics) throw this.#lacking(names)
    const connection = await this.#cluster.anyone()
    const { topics } = await requests.send(
      connection,
      'createTopics',
      names.map((name) => ({
        name,
        numPartitions: settings.partitions,
        replicationFactor: settings.replication ?? -1,
        assignments: [],
        configs: [],
      })),
      settings.requestTimeout,
      false,
    )
    for (const { name, errorCode, errorMessage } of topics) {
      if (errorCode === 0) host.log('info', 'A topic was made.', { topic: name, partitions: settings.partitions })
      else if (errorCode !== topicExists) throw this.#refused(name, errorCode, errorMessage ?? null)
    }
    await this.#ask(names)
    const late = names.find((name) => !this.#usable(name))
    // It is made, but not all brokers have heard of it.
    if (late !== undefined) throw new BrokerError(unknownTopic, `a question about topic ${late}`)
  }

  #usable(name: string): boolean {
    const state = this.#known.get(name)
    return state !== undefined && state.partitions.length > 0 && state.partitions.every(({ leader }) => leader >= 0)
  }

  #lacking(names: readonly string[]): TidingsError {
    const { partitions } = this.#cluster.settings
    return new TidingsError(
      'TIDINGS_NOT_FOUND',
      `Kafka has no topic ${names.join(', ')}: make it with ${partitions} partitions, or allow \`createTopics\`.`,
      { details: { topics: names, partitions } },
    )
  }

  #refused(name: string, error: number, message: string | null): Error {
    // Such errors pass by themselves, or when somebody has done something about it.
    if ([5, 7, 14, 15, 16, 41, 89].includes(error)) return new BrokerError(error, `a question about topic ${name}`)
    return new TidingsError(
      'TIDINGS_NOT_SUPPORTED',
      `Kafka does not let us use topic ${name}: ${nameOfError(error)}${message === null ? '' : `, ${message.slice(0, 300)}`}`,
      { details: { topic: name, error: nameOfError(error) }, cause: unavailable('', new BrokerError(error, 'it')) },
    )
  }
}

/** Each partition of topics under its number. Throws where two topics share a number. */
export function numbered(
  topics: readonly TopicState[],
): Map<number, { readonly topic: TopicState; readonly partition: number }> {
  const all = new Map<number, { readonly topic: TopicState; readonly partition: number }>()
  for (const topic of topics) {
    for (let partition = 0; partition < topic.partitions.length; partition++) {
      const number = partitionNumber(topic.id, partition)
      const other = all.get(number)
      if (other !== undefined) {
        throw new TidingsError(
          'TIDINGS_CONFLICT',
          `The ids of the topics ${other.topic.name} and ${topic.name} are too alike: delete the newer one and make it again.`,
          { details: { topics: [other.topic.name, topic.name] } },
        )
      }
      all.set(number, { topic, partition })
    }
  }
  return all
}
