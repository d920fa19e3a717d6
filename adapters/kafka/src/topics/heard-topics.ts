import type { Cluster, TopicState } from '../client/cluster.ts'
import { topicOf } from './topic-names.ts'
import { numbered, type Topics } from './topics.ts'

/** What a consumer hears: the topics it names, or all that there are, of which there may be others at every look. */
export class HeardTopics {
  readonly #topics: Topics
  readonly #names: readonly string[] | undefined
  #states: readonly TopicState[] = []
  #shape: string | undefined

  /** @param categories Undefined: all. */
  constructor(cluster: Cluster, topics: Topics, categories: readonly string[] | undefined) {
    this.#topics = topics
    this.#names = categories?.map((category) => topicOf(cluster.settings.prefix, category))
  }

  /** Names of topics, in order. */
  get names(): readonly string[] {
    return this.#states.map(({ name }) => name).sort()
  }

  /** The id of a topic that was seen at the last look. */
  idOf(topic: string): string | undefined {
    return this.#states.find(({ name }) => name === topic)?.id
  }

  /**
   * Looks what there is. Resolves with whether it is another than at the look before: topics that came or went, were made anew, or have more
   * partitions. Rejects where the brokers do not say, and with `TIDINGS_CONFLICT` where topics cannot be told apart.
   */
  async look(): Promise<boolean> {
    const states = this.#names === undefined ? await this.#topics.all() : await this.#topics.ensure(this.#names)
    numbered(states)
    const shape = states
      .map(({ name, id, partitions }) => `${name} ${id} ${partitions.length}`)
      .sort()
      .join()
    const changed = this.#shape !== undefined && shape !== this.#shape
    this.#states = states
    this.#shape = shape
    return changed
  }
}
