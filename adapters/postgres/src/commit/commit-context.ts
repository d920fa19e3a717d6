import type { PoolClient } from 'pg'

import type { Link, TextRow } from '../connect/link.ts'
import type { TransactionsPool } from '../connect/transactions-pool.ts'
import type { Relations } from '../relations.ts'
import type { StatementRun } from '../sql/run-statements.ts'
import type { BoundStatement } from '../sql/statement-messages.ts'
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
  /** One statement of ours on a connection that was taken from the pool. */
  readonly answer: (client: PoolClient, text: string, values: unknown[]) => Promise<readonly TextRow[]>
  /** Users' statements there. */
  readonly runStatements: (client: PoolClient, statements: readonly BoundStatement[]) => StatementRun
}
