import type { Load, Scenario, SideSpec, Target } from './scenario.ts'

type Server = 'redis' | 'postgres'

const names: Readonly<Record<Server, string>> = { redis: 'Redis', postgres: 'PostgreSQL' }

const settings: Readonly<Record<Server, string>> = {
  redis: 'An append-only file flushed every second: whoever loses power may lose a second.',
  postgres: 'fsync and synchronous_commit are on: every acknowledged event has been flushed.',
}

function ours(server: Server, handled: boolean): SideSpec {
  return {
    name: 'tidings',
    label: handled ? 'Tidings, publish to handled' : 'Tidings, publish',
    kind: 'tidings-server',
    options: { server, handled },
    notes: handled
      ? [
          'order for each stream, 16 handlers at a time; the clock stops when the store says of every event that it is handled',
        ]
      : ['UUID v7, JSON and SHA-256 for each event, versions for each stream'],
  }
}

const raw: Readonly<Record<Server, (handled: boolean) => SideSpec>> = {
  redis: (handled) => ({
    name: 'raw',
    label: 'raw @redis/client',
    kind: 'raw-redis',
    options: { handled },
    notes: [
      handled
        ? 'XADD, XREADGROUP by 500, an awaited async handler, one XACK for all; one stream, no order between handlers, no retries'
        : 'XADD to one stream; the client sends all calls of a turn together; no versions, no uniqueness',
    ],
  }),
  postgres: (handled) => ({
    name: 'raw',
    label: 'raw pg, coalescing',
    kind: 'raw-postgres',
    options: { handled },
    notes: [
      handled
        ? 'reads 500 after its checkpoint, awaits an async handler for each, writes the checkpoint; looks again after 2 ms'
        : 'one table with unique ids and an index by stream; all publishes of a turn in one insert of arrays; no versions of streams',
    ],
  }),
}

const bullmq = (handled: boolean): SideSpec => ({
  name: 'bullmq',
  label: 'BullMQ 6.7.0',
  kind: 'bullmq',
  options: { handled },
  peers: ['bullmq', 'ioredis'],
  share: 0.2,
  notes: ['keeps a state for each job and removes done ones; no order between jobs'],
})

const pgBoss = (handled: boolean): SideSpec => ({
  name: 'pg-boss',
  label: 'pg-boss 12.35.0',
  kind: 'pg-boss',
  options: { handled },
  peers: ['pg-boss'],
  share: 0.2,
  notes: ['four workers, 500 jobs at a time; no order between jobs'],
})

const graphile = (handled: boolean): SideSpec => ({
  name: 'graphile',
  label: 'Graphile Worker 0.18.0, local queue',
  kind: 'graphile-worker',
  options: { handled },
  peers: ['graphile-worker'],
  share: 0.2,
  notes: ['a local queue of 500, 16 jobs at a time; no order between jobs'],
})

const emmett: SideSpec = {
  name: 'emmett',
  label: 'Emmett 0.42.0 on PostgreSQL',
  kind: 'emmett-postgres',
  peers: ['@event-driven-io/emmett-postgresql'],
  share: 0.1,
  notes: ['appends to streams in transactions of their own'],
}

const loads: Readonly<Record<'in-flight' | 'sixteen' | 'batches' | 'one', string>> = {
  'in-flight': '256 in flight',
  sixteen: '16 in flight',
  batches: 'batches of 100',
  one: 'one lone caller',
}

function scenario(
  server: Server,
  handled: boolean,
  load: Exclude<Load, 'footprint' | 'steady'>,
  peers: readonly SideSpec[],
  targets: readonly Target[],
): Scenario {
  const slow = load === 'one'
  return {
    id: `${server}/${handled ? 'handled' : 'publish'}/${load}`,
    group: server,
    server,
    title: `${names[server]}, ${handled ? 'publish to handled' : 'publish'}, ${loads[load]}`,
    how: `${settings[server]} From the first publish to the last ${handled ? 'handled event' : 'acknowledgement'}.`,
    load,
    reference: 'raw',
    sides: [ours(server, handled), raw[server](handled), ...peers],
    events: slow ? { full: 5_000, quick: 1_000, smoke: 300 } : { full: 40_000, quick: 10_000, smoke: 2_000 },
    rounds: { full: 5, quick: 3, smoke: 3 },
    targets,
  }
}

const toRaw = (ratio: number): Target => ({ side: 'tidings', to: 'raw', ratio })

/** Servers as store and transport at once. */
export const serverScenarios: readonly Scenario[] = [
  scenario('redis', false, 'in-flight', [bullmq(false)], [toRaw(0.6)]),
  scenario('redis', true, 'in-flight', [bullmq(true)], [toRaw(0.5), { side: 'tidings', to: 'bullmq', ratio: 4 }]),
  scenario('redis', true, 'batches', [bullmq(true)], [{ side: 'tidings', to: 'bullmq', ratio: 4 }]),
  scenario('redis', false, 'one', [bullmq(false)], [{ side: 'tidings', to: 'raw', latency: 0.5 }]),
  scenario('postgres', false, 'in-flight', [pgBoss(false), graphile(false)], [toRaw(0.6)]),
  scenario(
    'postgres',
    true,
    'in-flight',
    [pgBoss(true), graphile(true)],
    [toRaw(0.5), { side: 'tidings', to: 'pg-boss', ratio: 5 }, { side: 'tidings', to: 'graphile', ratio: 5 }],
  ),
  scenario(
    'postgres',
    true,
    'batches',
    [pgBoss(true), graphile(true)],
    [
      { side: 'tidings', to: 'pg-boss', ratio: 1 },
      { side: 'tidings', to: 'graphile', ratio: 1 },
    ],
  ),
  scenario('postgres', false, 'sixteen', [emmett], [{ side: 'tidings', to: 'emmett', ratio: 5 }]),
  scenario('postgres', false, 'one', [emmett], [{ side: 'tidings', to: 'raw', latency: 0.5 }]),
]
