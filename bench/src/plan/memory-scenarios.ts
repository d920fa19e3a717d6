import type { Load, Scenario, SideSpec, Target } from './scenario.ts'

const lazy =
  'id and time are values of the event at any moment, but their texts are worked out when first read; bytes and checksum only when something is stored or sent'

const ours: readonly SideSpec[] = [
  {
    name: 'inline',
    label: 'Tidings, inline listener',
    kind: 'tidings-memory',
    options: { mode: 'inline' },
    notes: ['awaits an async handler; the event is frozen, with id, time and key', lazy],
  },
  {
    name: 'inline-plain',
    label: 'Tidings, inline listener that returns nothing',
    kind: 'tidings-memory',
    options: { mode: 'inline', handler: 'plain' },
    notes: ['the same with a handler that is no async function'],
  },
  {
    name: 'inline-reading',
    label: 'Tidings, inline listener that reads id and time',
    kind: 'tidings-memory',
    options: { mode: 'inline', handler: 'reading' },
    notes: ['pays for a UUID v7 and for the time as text'],
  },
  {
    name: 'queued',
    label: 'Tidings, queued subscription',
    kind: 'tidings-memory',
    options: { mode: 'queued' },
    notes: [
      'order for each stream, 16 at a time, retries, timeouts, progress committed; publish does not wait for the handler',
    ],
  },
  {
    name: 'queued-checked',
    label: 'Tidings, queued, zod and context',
    kind: 'tidings-memory',
    options: { mode: 'queued', checked: true },
    notes: ['each event is checked by a zod schema and takes tenant, user and correlation from runWithContext'],
  },
]

const rawMap: SideSpec = {
  name: 'raw',
  label: 'raw Map and await',
  kind: 'raw-map',
  notes: [
    'no isolation of errors, no order between handlers, no retries, nothing kept; its id is a counter, its time a number',
  ],
}

const rawFull: SideSpec = {
  name: 'raw-full',
  label: 'raw Map and await, UUID and time as text',
  kind: 'raw-map',
  options: { full: true },
  notes: ['as above, but with a random UUID and an ISO time: to be compared with the listener that reads both'],
}

const emitter: SideSpec = {
  name: 'emitter',
  label: 'node EventEmitter',
  kind: 'event-emitter',
  notes: ['waits for no handler; a rejection is nobody’s; nothing is kept; id a counter, time a number'],
}

const nest: SideSpec = {
  name: 'nest',
  label: '@nestjs/cqrs 12.0.0',
  kind: 'nest-cqrs',
  peers: ['@nestjs/cqrs'],
  share: 0.05,
  notes: ['waits for no handler, and tells nobody when one has finished; nothing is kept, no order, no retries'],
}

const nestWaiting: SideSpec = {
  name: 'nest-waiting',
  label: '@nestjs/cqrs 12.0.0, awaited by hand',
  kind: 'nest-cqrs',
  options: { waits: true },
  peers: ['@nestjs/cqrs'],
  share: 0.5,
  notes: ['a promise travels with each event and the handler settles it; the bus itself offers no way to wait'],
}

const emmett: SideSpec = {
  name: 'emmett',
  label: 'Emmett 0.42.0, store in memory',
  kind: 'emmett-memory',
  peers: ['@event-driven-io/emmett'],
  share: 0.1,
  notes: [
    'appends to its store, hands the event to its message bus and waits for the handler; keeps all events, draws a UUID for each, no retries, no subscriptions with a position',
    'each append copies its stream and counts all streams; each round begins with an empty store',
  ],
}

const how =
  'From the first publish to the last handled event and the last acknowledgement. The handler is an async function that counts.'

function scenario(load: Exclude<Load, 'footprint' | 'steady'>, title: string, peers: readonly SideSpec[]): Scenario {
  const targets: readonly Target[] = [
    { side: 'inline', rate: 1_000_000 },
    { side: 'queued', rate: 300_000 },
    { side: 'queued-checked', rate: 200_000 },
  ]
  return {
    id: `memory/handled/${load}`,
    group: 'memory',
    title: `Memory, publish to handled, ${title}`,
    how,
    load,
    reference: 'raw',
    sides: [...ours, rawMap, rawFull, ...peers],
    events: { full: 500_000, quick: 100_000, smoke: 30_000 },
    rounds: { full: 7, quick: 3, smoke: 3 },
    targets,
  }
}

export const memoryScenarios: readonly Scenario[] = [
  scenario('one', 'one caller that awaits each publish', [emitter, nest, nestWaiting, emmett]),
  scenario('in-flight', '256 in flight', [nestWaiting, emmett]),
  scenario('batches', 'batches of 100', [emitter, nest, nestWaiting, emmett]),
]
