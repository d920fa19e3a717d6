import { TidingsError } from 'tidings/spi'

import { nameOfError } from '../client/broker-error.ts'
import type { Cluster, TopicState } from '../client/cluster.ts'

/** What the brokers demand and promise, as far as it concerns publishing. */
export interface TopicRules {
  /** Largest batch of records, in bytes. */
  readonly maxBytes: number
  /** Copies that must have an event before it counts as stored. */
  readonly minInSync: number
}

/** What brokers do where nobody has set it. */
export const usualRules: TopicRules = { maxBytes: 1_048_588, minInSync: 1 }

const topicResource = 2
const brokerResource = 4

/**
 * Reads what holds for a topic. Throws TIDINGS_NOT_SUPPORTED where it is compacted: it would keep the last event of each stream and drop
 * those before. Says so in the log where less is promised than it looks.
 */
export async function readTopicRules(cluster: Cluster, topic: TopicState): Promise<TopicRules> {
  const { host } = cluster
  const found = await describe(cluster, topicResource, topic.name, [
    'max.message.bytes',
    'min.insync.replicas',
    'cleanup.policy',
    'unclean.leader.election.enable',
  ])
  if (found.get('cleanup.policy')?.includes('compact') === true) {
    throw new TidingsError(
      'TIDINGS_NOT_SUPPORTED',
      `Topic ${topic.name} is compacted and would lose events: set its cleanup.policy to delete.`,
      { details: { topic: topic.name, setting: 'cleanup.policy' } },
    )
  }
  const rules: TopicRules = {
    maxBytes: whole(found.get('max.message.bytes'), usualRules.maxBytes),
    minInSync: whole(found.get('min.insync.replicas'), usualRules.minInSync),
  }
  const copies = Math.max(0, ...topic.partitions.map(({ replicas }) => replicas))
  if (rules.minInSync < 2) {
    host.log(copies > 1 ? 'warn' : 'info', 'Events of this topic count as stored when a single broker has them.', {
      topic: topic.name,
      copies,
      'min.insync.replicas': rules.minInSync,
    })
  }
  if (found.get('unclean.leader.election.enable') === 'true' && copies > 1)
    host.log('warn', 'A broker that lacks stored events may become leader of this topic: they would be lost.', {
      topic: topic.name,
      setting: 'unclean.leader.election.enable',
    })
  return rules
}

/** Reads what holds for topics that set nothing of their own. */
export async function readBrokerRules(cluster: Cluster): Promise<TopicRules> {
  const [first] = cluster.brokers.keys()
  if (first === undefined) return usualRules
  const found = await describe(cluster, brokerResource, String(first), ['message.max.bytes', 'min.insync.replicas'])
  return {
    maxBytes: whole(found.get('message.max.bytes'), usualRules.maxBytes),
    minInSync: whole(found.get('min.insync.replicas'), usualRules.minInSync),
  }
}

/** Settings by name; empty where we may not read them, which the log tells. */
async function describe(
  cluster: Cluster,
  resourceType: typeof topicResource | typeof brokerResource,
  resourceName: string,
  configurationKeys: string[],
): Promise<ReadonlyMap<string, string>> {
  // Settings of a broker are asked of that broker.
  const connection =
    resourceType === brokerResource ? await cluster.node(cluster.own, Number(resourceName)) : await cluster.anyone()
  const { results } = await cluster.requests.send(connection, 'describeConfigs', [
    { resourceType, resourceName, configurationKeys },
  ])
  const [result] = results
  if (result === undefined || result.errorCode !== 0) {
    cluster.host.log('warn', 'The settings of Kafka cannot be read; going by what is usual.', {
      of: resourceType === topicResource ? resourceName : 'broker',
      reason: nameOfError(result?.errorCode ?? -1),
    })
    return new Map()
  }
  return new Map(result.configs.flatMap(({ name, value }) => (value == null ? [] : [[name, value] as const])))
}

function whole(text: string | undefined, usual: number): number {
  const value = Number(text)
  return text !== undefined && Number.isSafeInteger(value) && value >= 0 ? value : usual
}
