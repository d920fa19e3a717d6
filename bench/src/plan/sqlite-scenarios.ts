import type { Scenario, SideSpec } from './scenario.ts'

type Durability = 'full' | 'normal'

const rawNotes = [
  'the same tables and indexes; prepared statements, streams resolved beforehand; no checks, no order, no receipts; id, time and checksum are texts of the same length that cost nothing',
]

function published(durability: Durability): SideSpec {
  return {
    name: 'tidings',
    label: 'Tidings, publish',
    kind: 'tidings-sqlite',
    options: { durability },
    notes: ['UUID v7, JSON and SHA-256 for each event; the promise resolves when the commit is on disk'],
  }
}

function handled(durability: Durability): SideSpec {
  return {
    name: 'tidings-handled',
    label: 'Tidings, publish to handled',
    kind: 'tidings-sqlite',
    options: { durability, handled: true },
    notes: ['the clock stops when every event is handled and the file says so; 16 handlers at a time'],
  }
}

function raw(durability: Durability): SideSpec {
  return { name: 'raw', label: 'raw node:sqlite', kind: 'raw-sqlite', options: { durability }, notes: rawNotes }
}

function rawSame(durability: Durability): SideSpec {
  return {
    name: 'raw-same',
    label: 'raw node:sqlite, drawing ids and hashing',
    kind: 'raw-sqlite',
    options: { durability, same: true },
    notes: ['as above, with a UUID v7 and a SHA-256 for each event'],
  }
}

const emmett: SideSpec = {
  name: 'emmett',
  label: 'Emmett 0.42.4 on SQLite',
  kind: 'emmett-sqlite',
  peers: ['@event-driven-io/emmett-sqlite', 'sqlite3'],
  share: 0.2,
  notes: ['as shipped: opens a connection for each operation; a batch is 100 events of one stream'],
}

const emmettKept: SideSpec = {
  name: 'emmett-kept',
  label: 'Emmett 0.42.4 on SQLite, connection kept',
  kind: 'emmett-sqlite',
  options: { kept: true },
  peers: ['@event-driven-io/emmett-sqlite', 'sqlite3'],
  share: 0.2,
  notes: ['with the one setting that makes it fastest; then nothing may run beside an append'],
}

const how =
  'A write-ahead log with synchronous=FULL: every acknowledged event has been flushed. From the first publish to the last acknowledgement.'

export const sqliteScenarios: readonly Scenario[] = [
  {
    id: 'sqlite/full/in-flight',
    group: 'sqlite',
    title: 'SQLite FULL, 256 in flight',
    how: `${how} Both sides put all publishes of a turn into one transaction.`,
    load: 'in-flight',
    reference: 'raw',
    sides: [published('full'), handled('full'), raw('full'), rawSame('full')],
    events: { full: 50_000, quick: 10_000, smoke: 2_000 },
    rounds: { full: 7, quick: 3, smoke: 3 },
    targets: [
      { side: 'tidings', to: 'raw', ratio: 0.6 },
      { side: 'tidings-handled', to: 'raw', ratio: 0.4 },
    ],
  },
  {
    id: 'sqlite/full/batches',
    group: 'sqlite',
    title: 'SQLite FULL, batches of 100',
    how: `${how} A batch is one transaction.`,
    load: 'batches',
    reference: 'raw',
    sides: [published('full'), raw('full'), emmett, emmettKept],
    events: { full: 50_000, quick: 10_000, smoke: 2_000 },
    rounds: { full: 5, quick: 3, smoke: 3 },
    targets: [
      { side: 'tidings', to: 'emmett', ratio: 3 },
      { side: 'tidings', to: 'emmett-kept', ratio: 3 },
    ],
  },
  {
    id: 'sqlite/full/one',
    group: 'sqlite',
    title: 'SQLite FULL, one lone caller',
    how: `${how} Each publish is a transaction, and the wait of each is taken.`,
    load: 'one',
    reference: 'raw',
    sides: [published('full'), raw('full'), emmett, emmettKept],
    events: { full: 5_000, quick: 1_000, smoke: 300 },
    rounds: { full: 5, quick: 3, smoke: 3 },
    targets: [
      { side: 'tidings', to: 'raw', latency: 0.3 },
      { side: 'tidings', to: 'emmett', ratio: 10 },
    ],
  },
  {
    id: 'sqlite/normal/in-flight',
    group: 'sqlite',
    title: 'SQLite NORMAL, 256 in flight (for information)',
    how: 'A write-ahead log with synchronous=NORMAL: power loss may take the last events.',
    load: 'in-flight',
    reference: 'raw',
    sides: [published('normal'), handled('normal'), raw('normal'), rawSame('normal')],
    events: { full: 50_000, quick: 10_000, smoke: 2_000 },
    rounds: { full: 3, quick: 3, smoke: 3 },
    targets: [],
  },
  {
    id: 'sqlite/normal/one',
    group: 'sqlite',
    title: 'SQLite NORMAL, one lone caller (for information)',
    how: 'A write-ahead log with synchronous=NORMAL: power loss may take the last events.',
    load: 'one',
    reference: 'raw',
    sides: [published('normal'), raw('normal')],
    events: { full: 20_000, quick: 4_000, smoke: 500 },
    rounds: { full: 3, quick: 3, smoke: 3 },
    targets: [],
  },
]
