/** Adapters that break their word on purpose: for trying the suites, and programs that must survive bad adapters. */
export type { Broken, BrokenStore, BrokenTransport } from './broken-backend.ts'
export { brokenStores } from './store/broken-stores.ts'
export { brokenSqlStores } from './store/sql-faults.ts'
export { brokenTransports } from './transport/broken-transports.ts'
