import { expect, test } from 'vitest'

import type { StoreCapabilities } from '../store/store.ts'
import type { TransportCapabilities } from '../transport/transport.ts'
import { promiseLine } from './promise-line.ts'

const sqlite: StoreCapabilities = { name: 'sqlite', durability: 'store', sharing: 'host', sql: 'sqlite', partitions: 8 }
const postgres: StoreCapabilities = { ...sqlite, name: 'postgres', sharing: 'network' }
const kafka: TransportCapabilities = {
  name: 'kafka',
  kind: 'log',
  durability: 'broker',
  groups: true,
  ordering: 'stream',
  redelivery: true,
  replay: true,
  maxBytes: 1_000_000,
  partitions: 8,
}

test.each<[string, Parameters<typeof promiseLine>[0], string]>([
  ['a store alone', { store: sqlite }, 'Events are kept in sqlite (durable, shared by the processes of this machine).'],
  [
    'a broker beside a store that all instances share',
    { store: postgres, broker: kafka, group: 'auth' },
    'Events are kept in postgres (durable, shared by all instances); the broker kafka joins this service to others, in the group auth; it delivers at least once, and here once.',
  ],
  [
    'a broker alone',
    { store: sqlite, broker: kafka, group: 'auth', beside: './tidings.db' },
    'Events are kept in ./tidings.db (durable, shared by the processes of this machine); the broker kafka joins this service to others, in the group auth; it delivers at least once, and here once; until an event is relayed, ./tidings.db holds its only copy; run this service on this machine alone.',
  ],
  [
    'a broker that forgets',
    {
      store: { ...sqlite, name: 'memory', durability: 'memory', sharing: 'process' },
      broker: {
        ...kafka,
        name: 'redis-pubsub',
        kind: 'fanout',
        groups: false,
        redelivery: false,
        durability: 'memory',
      },
      group: 'auth',
    },
    'Events are kept in memory (gone with this process, seen by this process alone); the broker redis-pubsub joins this service to others, to each instance by itself, for it has no groups; what is sent while nobody listens is lost: it delivers at most once.',
  ],
  [
    'no store at all',
    { store: sqlite, broker: kafka, direct: true },
    'Nothing is kept here: events go straight to the broker kafka; it delivers at least once.',
  ],
])('says what is promised by %s', (_, promised, line) => {
  expect(promiseLine(promised)).toBe(line)
})
