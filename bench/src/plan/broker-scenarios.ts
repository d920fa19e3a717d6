import type { Scenario, Server, SideSpec, Target } from './scenario.ts'

type Broker = Exclude<Server, 'postgres'>

const names: Readonly<Record<Broker, string>> = {
  kafka: 'Kafka',
  nats: 'NATS JetStream',
  rabbitmq: 'RabbitMQ',
  redis: 'Redis Streams',
}

const clients: Readonly<Record<Broker, string>> = {
  kafka: '@platformatic/kafka',
  nats: '@nats-io/jetstream',
  rabbitmq: 'rabbitmq-client',
  redis: '@redis/client',
}

const durability: Readonly<Record<Broker, string>> = {
  kafka: 'Idempotent, acks of all: acknowledged events are in the memory of the operating system.',
  nats: 'A file stream: acknowledged events are in the memory of the operating system.',
  rabbitmq: 'Four quorum queues of one member, persistent messages with confirms.',
  redis: 'An append-only file flushed every second: whoever loses power may lose a second.',
}

/** What the raw client does, and does not. */
const by: Readonly<Record<Broker, string>> = {
  kafka: 'all publishes of a turn in one call while the one before is under way, key and body alone',
  nats: 'each publish by itself, which the client sends together; the server knows duplicates by a counter',
  rabbitmq:
    'noDelay; each publish by itself, which the client sends together; events of one stream may overtake each other',
  redis: 'XADD to one stream; the client sends all calls of a turn together; no uniqueness',
}

const hearing: Readonly<Record<Broker, string>> = {
  kafka: 'a group that commits every second',
  nats: 'a durable consumer, one acknowledgement for a batch',
  rabbitmq: '256 unacknowledged a queue, one acknowledgement for a batch',
  redis: 'XREADGROUP by 500, one XACK for all',
}

function ours(server: Broker, handled: boolean): SideSpec {
  return {
    name: 'tidings',
    label: handled ? 'Tidings without a store, publish to handled' : 'Tidings without a store, publish',
    kind: 'tidings-direct',
    options: { server, handled },
    notes: handled
      ? ['order for each stream, 16 handlers at a time, retries; how far it is is told to the broker while it works']
      : ['UUID v7, JSON, SHA-256 and all attributes of a CloudEvent for each event; order for each stream'],
  }
}

function raw(server: Broker, handled: boolean): SideSpec {
  return {
    name: 'raw',
    label: `raw ${clients[server]}${handled ? ', handling' : ''}`,
    kind: 'raw-direct',
    options: { server, handled },
    notes: handled
      ? [`${hearing[server]}; an async handler awaited for one event after the other; no order promised, no retries`]
      : [by[server]],
  }
}

function direct(server: Broker, handled: boolean): Scenario {
  return {
    id: `${server}/direct-${handled ? 'handled' : 'publish'}/in-flight`,
    group: server,
    server,
    title: `${names[server]} alone, ${handled ? 'publish to handled' : 'publish'}, 256 in flight`,
    how: `${durability[server]} No store beside it. From the first publish to the last ${handled ? 'handled event' : 'acknowledgement'}.`,
    load: 'in-flight',
    reference: 'raw',
    sides: [ours(server, handled), raw(server, handled)],
    events: { full: 40_000, quick: 10_000, smoke: 2_000 },
    rounds: { full: 5, quick: 3, smoke: 3 },
    targets: [{ side: 'tidings', to: 'raw', ratio: handled ? 0.6 : 0.7 }],
  }
}

function outbox(server: Broker): Scenario {
  return {
    id: `${server}/outbox/in-flight`,
    group: server,
    server,
    beside: 'postgres',
    title: `PostgreSQL joined to PostgreSQL by ${names[server]}, publish to handled, 256 in flight`,
    how: `fsync and synchronous_commit are on, on both ends. ${durability[server]} From the first publish until the last event is handled in another service.`,
    load: 'in-flight',
    reference: 'raw',
    sides: [
      {
        name: 'tidings',
        label: 'Tidings, outbox and inbox',
        kind: 'tidings-outbox',
        options: { server },
        notes: [
          'two buses, each with its own log: events are stored, relayed, stored again by who hears them, and handled from there, with marks, order for each stream and duplicates known',
        ],
      },
      {
        name: 'raw',
        label: `raw pg and ${clients[server]}`,
        kind: 'raw-outbox',
        options: { server },
        notes: [
          'an outbox table, a relay that reads 500 at a time, and a table of ids that were handled, committed with each batch; who hears events keeps none of them',
        ],
      },
    ],
    events: { full: 20_000, quick: 5_000, smoke: 1_000 },
    rounds: { full: 5, quick: 3, smoke: 3 },
    targets: [{ side: 'tidings', to: 'raw', ratio: 0.5 }],
  }
}

const steady = {
  load: 'steady',
  events: { full: 5_000, quick: 2_000, smoke: 500 },
  rounds: { full: 3, quick: 3, smoke: 3 },
} as const

const steadyHow =
  'Each event is timed from its publish until its handler runs to its end; the first fifth of each round is not counted.'

function latency(server: Broker): Scenario {
  const targets: readonly Target[] = [{ side: 'tidings', to: 'raw', latency: 0.5, of: 'p50' }]
  return {
    ...steady,
    id: `${server}/direct-latency/steady`,
    group: server,
    server,
    title: `${names[server]} alone, 500 events a second`,
    how: `${durability[server]} ${steadyHow}`,
    reference: 'raw',
    sides: [ours(server, true), raw(server, true)],
    targets,
  }
}

/** Brokers without a store, between stores, and how long an event takes through them. */
export const brokerScenarios: readonly Scenario[] = [
  ...(['kafka', 'nats', 'rabbitmq', 'redis'] as const).flatMap((server) => [
    direct(server, false),
    direct(server, true),
    latency(server),
    outbox(server),
  ]),
  {
    ...steady,
    id: 'postgres/latency/steady',
    group: 'postgres',
    server: 'postgres',
    title: 'PostgreSQL, 500 events a second',
    how: `fsync and synchronous_commit are on: every acknowledged event has been flushed. ${steadyHow}`,
    reference: 'raw',
    sides: [
      {
        name: 'tidings',
        label: 'Tidings, publish to handled',
        kind: 'tidings-server',
        options: { server: 'postgres', handled: true },
        notes: ['the store is the transport, too: whoever waits is woken by NOTIFY'],
      },
      {
        name: 'raw',
        label: 'raw pg, coalescing',
        kind: 'raw-postgres',
        options: { handled: true },
        notes: ['reads after its checkpoint, and looks again after 2 ms where there was nothing'],
      },
    ],
    targets: [{ side: 'tidings', latency: 5, of: 'p50' }],
  },
  {
    id: 'postgres/idle/cpu',
    group: 'postgres',
    server: 'postgres',
    title: 'PostgreSQL, a bus that has nothing to do',
    how: 'Processor time of the process over ten seconds in which nothing is published, in percent of one core; the server is not in it.',
    load: 'footprint',
    unit: '%',
    reference: 'nothing',
    sides: [
      {
        name: 'tidings',
        label: 'Tidings, one subscription',
        kind: 'idle-cpu',
        options: { server: 'postgres' },
        notes: ['leases renewed, the log looked at when the server tells of news, and now and then without'],
      },
      { name: 'nothing', label: 'node, two timers', kind: 'idle-cpu', notes: ['what the measurement itself takes'] },
    ],
    events: { full: 100, quick: 100, smoke: 100 },
    rounds: { full: 3, quick: 2, smoke: 1 },
    targets: [{ side: 'tidings', most: 3 }],
  },
]
