export { fromUrl, type SqliteAdapter, sqlite } from './sqlite.ts'
export type { SqliteDurability, SqliteOptions } from './sqlite-options.ts'
export type { SqliteStore } from './sqlite-store.ts'
