import type { Scenario } from './scenario.ts'

export const footprintScenarios: readonly Scenario[] = [
  {
    id: 'footprint/import',
    group: 'footprint',
    title: 'First import of the bare library',
    how: 'Fresh processes; the time that `import` takes.',
    load: 'footprint',
    unit: 'ms',
    reference: 'tidings',
    sides: [
      { name: 'tidings', label: 'tidings', kind: 'import', options: { package: 'tidings' } },
      {
        name: 'sqlite',
        label: '@tidings/sqlite, with tidings',
        kind: 'import',
        options: { package: '@tidings/sqlite' },
      },
    ],
    events: { full: 100, quick: 100, smoke: 100 },
    rounds: { full: 5, quick: 5, smoke: 3 },
    targets: [{ side: 'tidings', most: 100 }],
  },
  {
    id: 'footprint/idle',
    group: 'footprint',
    title: 'Resident memory of an idle process',
    how: 'Fresh processes; what is resident after three seconds of doing nothing, garbage not collected by hand.',
    load: 'footprint',
    unit: 'MB',
    reference: 'bare',
    sides: [
      { name: 'bare', label: 'Node with this harness', kind: 'idle', options: { bus: 'none' } },
      { name: 'memory', label: 'a bus on memory, one subscription', kind: 'idle', options: { bus: 'memory' } },
      { name: 'sqlite', label: 'a bus on SQLite, one subscription', kind: 'idle', options: { bus: 'sqlite' } },
    ],
    events: { full: 100, quick: 100, smoke: 100 },
    rounds: { full: 5, quick: 3, smoke: 1 },
    targets: [
      { side: 'memory', to: 'bare', most: 50 },
      { side: 'sqlite', to: 'bare', most: 50 },
    ],
  },
  {
    id: 'footprint/backlog',
    group: 'footprint',
    title: 'Resident memory behind a slow handler',
    how: 'Fresh processes on SQLite FULL with a handler that takes 50 ms, 16 at a time; the largest resident memory that the system has seen.',
    load: 'footprint',
    unit: 'MB',
    reference: 'idle',
    sides: [
      { name: 'idle', label: 'nothing to do, for 10 s', kind: 'backlog', options: { what: 'idle' } },
      {
        name: 'behind',
        label: 'the events are in the file already, 10 s of handling',
        kind: 'backlog',
        options: { what: 'behind' },
      },
      {
        name: 'publishing',
        label: 'this process publishes them meanwhile, 256 in flight',
        kind: 'backlog',
        options: { what: 'publishing' },
      },
      {
        name: 'raw',
        label: 'raw node:sqlite puts them there, no bus, no handler',
        kind: 'backlog',
        options: { what: 'raw' },
        notes: ['how far Node lets the heap of a busy process grow by itself'],
      },
    ],
    prepare: { name: 'fill', label: 'filling the file', kind: 'fill' },
    events: { full: 1_000_000, quick: 100_000, smoke: 10_000 },
    rounds: { full: 3, quick: 1, smoke: 1 },
    targets: [
      { side: 'behind', to: 'idle', most: 100 },
      { side: 'publishing', to: 'idle', most: 100 },
    ],
  },
]
