/** The suites that every adapter of Tidings must pass. See README.md. */
export { runStoreSuite, type TestStoreOptions, testStore } from './store/store-suite.ts'
export type { StoreBackend } from './store/store-world.ts'
export { capabilityTable } from './suite/capability-table.ts'
export type { Ability } from './suite/case.ts'
export { eventually, type Patience } from './suite/eventually.ts'
export type { Runner, RunOptions } from './suite/run-cases.ts'
export { brokenPromises, type CaseResult, type SuiteResult } from './suite/suite-result.ts'
export type { Size } from './suite/volumes.ts'
