import type { PoolClient } from 'pg'

import type { Link, TextRow } from '../connect/link.ts'
import type { TransactionsPool } from '../connect/transactions-pool.ts'
import type { Relations } from '../relations.ts'
import type { RowTypes } from './encode-plan.ts'
import type { StreamIdentities } from './identities.ts'

/** Where units are written, and what is remembered of it. */
export interface CommitTarget {
  readonly relations: Relations
  readonly identities: StreamIdentities
  readonly types: RowTypes
}

/** What committing needs of its store. */
export interface CommitContext extends CommitTarget {
  /** Where plain units go: each call is one statement that commits by itself, so nothing of ours is ever open there. */
  readonly writer: Link
  readonly pool: TransactionsPool
  /** One statement on a connection that was taken from the pool. `users`: whether it is a user's. */
  readonly answer: (client: PoolClient, text: string, values: unknown[], users?: boolean) => Promise<readonly TextRow[]>
}
