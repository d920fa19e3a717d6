import type { EventRecord } from '../events/record.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Publisher } from '../publisher/publisher.ts'
import { type SqlPart, sql } from '../store/sql.ts'
import type { SqlStore } from '../store/sql-store.ts'
import type { TransactionContext } from './event-bus.ts'

/**
 * Runs `work` around one transaction: what it publishes is written in the commit that ends it, and its inline listeners have run when this
 * resolves; a throw rolls everything back.
 */
export async function transaction<Result>(
  store: SqlStore,
  hold: number,
  publisher: Publisher,
  work: (unit: TransactionContext) => Result | Promise<Result>,
): Promise<Result> {
  const open = await store.begin({ hold })
  const preparing: (EventRecord | Promise<EventRecord>)[] = []
  const context: TransactionContext = {
    tx: { sql: (strings, ...parts) => open.query(sql(strings, ...(parts as readonly SqlPart[]))) },
    async publish(definition, data, stamp = {}) {
      const record = publisher.prepare(definition.create(data), stamp)
      preparing.push(record)
      // Whoever does not await it learns of a failure by the transaction, not by a rejection that nobody handles.
      if (record instanceof Promise) record.catch(() => {})
      return record
    },
  }
  try {
    const result = await work(context)
    const append = await Promise.all(preparing.map(async (record) => record))
    const answer = await open.commit({ append, documents: publisher.promises(append) })
    if (answer.status === 'refused') throw answer.error
    if (answer.status === 'conflict') {
      throw new TidingsError('TIDINGS_CONFLICT', 'The transaction expected what was no longer so.')
    }
    await publisher.heard(append, answer.events)
    return result
  } catch (error) {
    await open.rollback()
    throw error
  }
}
