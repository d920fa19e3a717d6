import type { Settings } from '../instance.ts'

export interface Broker {
  readonly ports: Readonly<Record<string, number>>
  /** In a container it listens on other ports than clients dial. */
  readonly inside?: Readonly<Record<string, number>>
  readonly data: string
  readonly settings?: Settings
}

/** What a lone broker for tests needs to start and rebalance fast, and to come back soon after SIGKILL. */
const defaults: Settings = {
  'process.roles': 'broker,controller',
  'node.id': 1,
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'PLAINTEXT',
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT',
  'num.partitions': 3,
  'default.replication.factor': 1,
  'min.insync.replicas': 1,
  'offsets.topic.replication.factor': 1,
  'offsets.topic.num.partitions': 4,
  'transaction.state.log.replication.factor': 1,
  'transaction.state.log.min.isr': 1,
  'transaction.state.log.num.partitions': 4,
  'share.coordinator.state.topic.replication.factor': 1,
  'share.coordinator.state.topic.min.isr': 1,
  'share.coordinator.state.topic.num.partitions': 2,
  'group.initial.rebalance.delay.ms': 0,
  'group.min.session.timeout.ms': 1000,
  'group.consumer.min.session.timeout.ms': 1000,
  'group.consumer.min.heartbeat.interval.ms': 500,
  'num.network.threads': 2,
  'num.io.threads': 2,
  'background.threads': 2,
  'num.recovery.threads.per.data.dir': 1,
  'log.cleaner.threads': 1,
  'log.cleaner.dedupe.buffer.size': 8_388_608,
  'log.segment.bytes': 67_108_864,
  // A killed broker may register again only when the session of its former life has ended.
  'broker.session.timeout.ms': 2000,
  'broker.heartbeat.interval.ms': 500,
}

export function kafkaProperties(broker: Broker): string {
  return Object.entries(brokerSettings(broker))
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

/** The same for the image of a container, which takes them by such names. */
export function kafkaEnvironment(broker: Broker): Record<string, string> {
  return Object.fromEntries(
    Object.entries(brokerSettings(broker)).map(([name, value]) => [
      `KAFKA_${name.replaceAll('_', '__').replaceAll('-', '___').replaceAll('.', '_').toUpperCase()}`,
      String(value),
    ]),
  )
}

/** The listener PROXIED advertises the port of the proxy before it. */
function brokerSettings({ ports, inside, data, settings = {} }: Broker): Settings {
  const host = inside ? '0.0.0.0' : '127.0.0.1'
  const { main, controller, behindProxy } = inside ?? ports
  const own: Settings = {
    'log.dirs': data,
    'controller.quorum.voters': `1@${inside ? 'localhost' : '127.0.0.1'}:${controller}`,
    listeners: `PLAINTEXT://${host}:${main},CONTROLLER://${host}:${controller},PROXIED://${host}:${behindProxy}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${ports['main']},PROXIED://127.0.0.1:${ports['proxy']}`,
  }
  return { ...defaults, ...settings, ...own }
}
