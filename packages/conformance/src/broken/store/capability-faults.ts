import { memoryStore, type Store } from 'tidings/spi'

import type { BrokenStore } from '../broken-backend.ts'
import { brokenMemory, declaring, noTime } from './decorate.ts'
import { journalBackend } from './journal-store.ts'
import { sharedBackend } from './shared-store.ts'

let opened = 0

/** Stores that are not what their capabilities declare. */
export const capabilityFaults: readonly BrokenStore[] = [
  { backend: journalBackend('declares durability and opens empty', { empty: true }), breaks: ['durable'] },
  { backend: journalBackend('acknowledges before it has written', { late: true }), breaks: ['durable'] },
  { backend: journalBackend('tears its last unit when it dies', { torn: true }), breaks: ['durable'] },
  {
    backend: sharedBackend('declares to be alone and is shared', (view) => declaring(view, { sharing: 'process' })),
    breaks: ['alone'],
  },
  {
    backend: sharedBackend('declares to forget and remembers', (view) => declaring(view, { durability: 'memory' })),
    breaks: ['memory-only'],
  },
  {
    backend: sharedBackend('wakes only those of its own connection', (view, number) =>
      number % 2 === 0 ? { ...view, watch: () => () => {} } : view,
    ),
    breaks: ['shared'],
  },
  {
    backend: {
      name: 'declares something else each time',
      create: () => declaring(memoryStore(), { name: `memory-${opened++}` }),
      advance: noTime,
    },
    breaks: ['declared'],
  },
  brokenMemory('lets its capabilities be changed', ['declared'], (store) => ({
    capabilities: { ...store.capabilities },
  })),
  brokenMemory('drops statements without a word', ['no-sql'], (store) => ({
    commit: (units) => store.commit(units.map(({ statements: _, ...unit }) => unit)),
  })),
  brokenMemory(
    'offers transactions that it declares not to have',
    ['no-sql'],
    () => ({ begin: () => Promise.reject(new Error('no')) }) as Partial<Store>,
  ),
]
