import type { Host, Transport } from 'tidings/spi'

import { Cluster } from './client/cluster.ts'
import { loadClient } from './client/load-client.ts'
import type { KafkaSettings } from './kafka-options.ts'
import { KafkaTransport } from './kafka-transport.ts'
import { readBrokerRules } from './topics/topic-rules.ts'
import { Topics } from './topics/topics.ts'

export interface OpenedKafka {
  readonly transport: Transport
  /** Ends everything at once and says goodbye to nobody, as the death of the process would. For tests. */
  abandon(this: void): void
}

/** Connects, and reads what the brokers promise. */
export async function openKafka(settings: KafkaSettings, host: Host): Promise<OpenedKafka> {
  const cluster = new Cluster(await loadClient(), settings, host)
  try {
    const rules = await cluster.persist('at its addresses', settings.connectTimeout * 2, async () => {
      await cluster.metadata([])
      return readBrokerRules(cluster)
    })
    const transport = new KafkaTransport(cluster, new Topics(cluster), rules)
    return { transport, abandon: () => transport.abandon() }
  } catch (error) {
    cluster.close()
    throw error
  }
}
