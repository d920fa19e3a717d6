import type { Row } from '../store/sql-store.ts'
import type { Position, Statement } from '../store/store.ts'
import type { ReadableCollection } from './collection.ts'
import type { Collections, ValueOf } from './define-projection.ts'

/** One of two generations that stand at the same position. */
export interface Compared<Table extends string, Documents extends Collections> {
  readonly generation: number
  readonly version: number
  readonly tables: Readonly<Record<Table, Statement>>
  readonly documents: { readonly [Name in keyof Documents]: ReadableCollection<ValueOf<Documents[Name]>> }
}

/** What a check of a new version is given. */
export interface CheckInput<Table extends string, Documents extends Collections> {
  readonly position: Position
  /** What readers see now. Tables and collections that are new with this version are not there. */
  readonly live: Compared<Table, Documents>
  readonly next: Compared<Table, Documents>
  /** Reads. */
  readonly query: (statement: Statement) => Promise<readonly Row[]>
}
