import type { Scenario, SideSpec } from './scenario.ts'

const ours: SideSpec = {
  name: 'tidings',
  label: 'Tidings, a projection',
  kind: 'tidings-rebuild',
  notes: [
    'checks each checksum, decodes within bounds, keeps order per stream, and commits the checkpoint with the rows; the start of the bus is on the clock',
  ],
}

const fill: SideSpec = { name: 'fill', label: 'filling the log', kind: 'fill' }

export const projectionScenarios: readonly Scenario[] = [
  {
    id: 'projections/sqlite/rebuild',
    group: 'projections',
    title: 'A read model from a full log, on SQLite FULL',
    how: 'Fresh processes, each on its own copy of one file that holds the events; from the start until a row stands for each event, durably.',
    load: 'footprint',
    unit: 'ms',
    reference: 'raw',
    sides: [
      ours,
      {
        name: 'raw',
        label: 'raw node:sqlite',
        kind: 'raw-rebuild',
        notes: [
          'reads whole events, for whoever handles one is given all of it; pages of 1,000, JSON.parse, one prepared insert each, a transaction a page; checks nothing',
        ],
      },
      {
        name: 'raw-needed',
        label: 'raw node:sqlite, three columns',
        kind: 'raw-rebuild',
        options: { columns: 'needed' },
        notes: ['the same, but reads no more of an event than this one table is made of'],
      },
    ],
    prepare: fill,
    events: { full: 1_000_000, quick: 50_000, smoke: 5_000 },
    rounds: { full: 3, quick: 3, smoke: 2 },
    targets: [{ side: 'tidings', to: 'raw', ratio: 0.5 }],
  },
  {
    id: 'projections/postgres/rebuild',
    group: 'projections',
    server: 'postgres',
    title: 'A read model from a full log, on PostgreSQL',
    how: 'fsync and synchronous_commit are on. Fresh processes, one after another on the same log; from the start until a row stands for each event, durably.',
    load: 'footprint',
    unit: 'ms',
    reference: 'raw',
    sides: [
      ours,
      {
        name: 'raw',
        label: 'raw pg, an insert each',
        kind: 'raw-postgres-rebuild',
        notes: [
          'reads whole events, for whoever handles one is given all of it; pages of 1,000, JSON.parse, one insert each, prepared once and sent without waiting (pipeline), a transaction a page; checks nothing',
        ],
      },
      {
        name: 'raw-needed',
        label: 'raw pg, three columns',
        kind: 'raw-postgres-rebuild',
        options: { columns: 'needed' },
        notes: ['the same, but reads no more of an event than this one table is made of'],
      },
      {
        name: 'raw-arrays',
        label: 'raw pg, three columns, arrays',
        kind: 'raw-postgres-rebuild',
        options: { columns: 'needed', inserts: 'arrays' },
        notes: ['the same, and one insert for a page, which only a program for this one table can write'],
      },
    ],
    prepare: fill,
    events: { full: 300_000, quick: 50_000, smoke: 5_000 },
    rounds: { full: 3, quick: 3, smoke: 2 },
    targets: [{ side: 'tidings', to: 'raw', ratio: 0.5 }],
  },
]
