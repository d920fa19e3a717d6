import { randomBytes } from 'node:crypto'

import { type Host, type Log, realRuntime, silentMeter, type Transport } from 'tidings/spi'

import { serverUrl } from '../../../tools/servers/index.ts'
import { Cluster } from '../src/client/cluster.ts'
import { type Client, loadClient } from '../src/client/load-client.ts'
import { type KafkaOptions, type KafkaSettings, settingsOf } from '../src/kafka-options.ts'
import { type OpenedKafka, openKafka } from '../src/open-kafka.ts'

export const bootstrap: string = (await serverUrl('kafka')) ?? ''

/** The death of a member is noticed sooner than in production, and so are new topics. */
export const quick = {
  partitions: 4,
  replication: 1,
  sessionTimeout: 1_500,
  heartbeatInterval: 60,
  rebalanceTimeout: 6_000,
  commitInterval: 100,
  fetchWait: 40,
  refreshInterval: 300,
} as const satisfies Partial<KafkaOptions>

/** What a transport has said to the log. */
export type Said = {
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export function hostWith(said: Said[] = []): Host {
  const log: Log = (level, message, fields = {}) => void said.push({ level, message, fields })
  return { runtime: realRuntime(), log, meter: silentMeter }
}

/** Names of topics and groups that nobody else uses. */
export function freshPrefix(): string {
  return `test-${process.pid}-${randomBytes(4).toString('hex')}.`
}

export interface KafkaWorld {
  readonly settings: KafkaSettings
  readonly said: Said[]
  open(options?: Partial<KafkaOptions>): Promise<OpenedKafka>
  readonly connect: (options?: Partial<KafkaOptions>) => Promise<Transport>
  /** Another look at the same broker. */
  readonly cluster: Cluster
  readonly client: Client
  /** Makes topics of categories. */
  make(categories: readonly string[], partitions?: number, configs?: Readonly<Record<string, string>>): Promise<void>
  end(): Promise<void>
}

/** A prefix of its own at the shared broker, or at the one given. */
export async function kafkaWorld(broker: string = bootstrap, prefix: string = freshPrefix()): Promise<KafkaWorld> {
  const settings = settingsOf({ brokers: [broker], prefix, ...quick })
  const said: Said[] = []
  const client = await loadClient()
  const cluster = new Cluster(client, settings, hostWith())
  const opened: OpenedKafka[] = []
  const open = async (options: Partial<KafkaOptions> = {}): Promise<OpenedKafka> => {
    const one = await openKafka(settingsOf({ ...settings, ...options }), hostWith(said))
    opened.push(one)
    return one
  }
  return {
    settings,
    said,
    client,
    cluster,
    open,
    connect: async (options) => (await open(options)).transport,
    async make(categories, partitions = quick.partitions, configs = {}) {
      await cluster.requests.send(
        await cluster.anyone(),
        'createTopics',
        categories.map((category) => ({
          name: prefix + category,
          numPartitions: partitions,
          replicationFactor: 1,
          assignments: [],
          configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
        })),
        10_000,
        false,
      )
      const names = categories.map((category) => prefix + category)
      await cluster.persist('to make topics', 20_000, async () => {
        const { topics } = await cluster.metadata(names)
        const usable = names.filter((name) => topics.get(name)?.partitions.every(({ leader }) => leader >= 0))
        if (usable.length < names.length) throw new Error('Not all brokers have heard of the topics.')
      })
    },
    async end() {
      for (const one of opened) one.abandon()
      await removeTopics(cluster, prefix)
      cluster.close()
    },
  }
}

/** Deletes all topics of a prefix. */
async function removeTopics(cluster: Cluster, prefix: string): Promise<void> {
  const { topics, errors } = await cluster.metadata(undefined)
  const names = [...topics.keys(), ...errors.keys()].filter((name) => name.startsWith(prefix))
  if (names.length === 0) return
  const connection = await cluster.anyone()
  await cluster.client.deleteTopicsV6.api.async(
    connection,
    names.map((name) => ({ name })),
    10_000,
  )
}
