import type { StoreCapabilities } from 'tidings/spi'

import { choose, type Topic } from '../suite/case.ts'
import { settled } from '../suite/eventually.ts'
import { type Plan, type Prepared, type Runner, type RunOptions, registerCases, runCases } from '../suite/run-cases.ts'
import type { SuiteResult } from '../suite/suite-result.ts'
import { appendAndReadBack } from './append-and-read-back.ts'
import { atomicUnits } from './atomic-units.ts'
import { closing } from './closing.ts'
import { concurrentCommits } from './concurrent-commits.ts'
import { declaredCapabilities } from './declared-capabilities.ts'
import { documentIndexes } from './document-indexes.ts'
import { documents } from './documents.ts'
import { durabilityHas } from './durability-has.ts'
import { durabilityHasNot } from './durability-has-not.ts'
import { names } from './names.ts'
import { positionsAndVersions } from './positions-and-versions.ts'
import { preconditions } from './preconditions.ts'
import { pruning } from './pruning.ts'
import { readLogTopic } from './read-log.ts'
import { readStreams } from './read-streams.ts'
import { repeatedUnits } from './repeated-units.ts'
import { sharingHas } from './sharing-has.ts'
import { sharingHasNot } from './sharing-has-not.ts'
import { sqlHas } from './sql-has.ts'
import { sqlHasNot } from './sql-has-not.ts'
import { sqlTransactions } from './sql-transactions.ts'
import { inStoreWorld, type StoreBackend, type StoreWorld } from './store-world.ts'
import { watching } from './watching.ts'

/** What every store owes, whatever it declares. */
const everybody: readonly Topic<StoreWorld>[] = [
  declaredCapabilities,
  appendAndReadBack,
  positionsAndVersions,
  atomicUnits,
  preconditions,
  repeatedUnits,
  documents,
  documentIndexes,
  readLogTopic,
  readStreams,
  names,
  watching,
  pruning,
  concurrentCommits,
  closing,
]

export interface TestStoreOptions extends StoreBackend, RunOptions {
  /** `{ describe, it, afterAll }` of Vitest, or a runner with the same three. */
  readonly runner: Runner
}

/**
 * Registers the suite of the `Store` port with a test runner. The cases follow from the capabilities of an instance that is
 * opened, looked at and closed first. Prints backend × capability at the end.
 */
export function testStore(options: TestStoreOptions): void {
  registerCases(storePlan(options), options.runner, options)
}

/** The same suite without a test runner: runs every case, one after another, and answers how each ended. */
export function runStoreSuite(backend: StoreBackend, options: RunOptions = {}): Promise<SuiteResult> {
  return runCases(storePlan(backend), options)
}

function storePlan(backend: StoreBackend): Plan<StoreWorld> {
  return {
    port: 'store',
    backend: backend.name,
    prepare: async () => {
      const place = `probe-${process.pid}`
      const store = await backend.create(place)
      const { capabilities } = store
      await settled(store.close(), 'close', { deadline: 5_000, advance: backend.advance }).catch(() => {})
      await backend.remove?.(place)
      return prepare(capabilities)
    },
    inWorld: (context, use) => inStoreWorld(backend, context, use),
  }
}

function prepare({ durability, sharing, sql }: StoreCapabilities): Prepared<StoreWorld> {
  const chosen = [
    choose('durability', durability, durability !== 'memory', durabilityHas, durabilityHasNot),
    choose('sharing', sharing, sharing !== 'process', sharingHas, sharingHasNot),
    choose('sql', sql, sql !== 'none', [...sqlHas, ...sqlTransactions], sqlHasNot),
  ]
  return { abilities: chosen.map((one) => one.capability), topics: [...everybody, ...chosen] }
}
