import type { Scenario } from './scenario.ts'

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
      {
        name: 'tidings',
        label: 'Tidings, a projection',
        kind: 'tidings-rebuild',
        notes: [
          'checks each checksum, decodes within bounds, keeps order per stream, and commits the checkpoint with the rows; the start of the bus is on the clock',
        ],
      },
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
    prepare: { name: 'fill', label: 'filling the file', kind: 'fill' },
    events: { full: 1_000_000, quick: 50_000, smoke: 5_000 },
    rounds: { full: 3, quick: 3, smoke: 2 },
    targets: [{ side: 'tidings', to: 'raw', ratio: 0.5 }],
  },
]
