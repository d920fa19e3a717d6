import type { EventRecord } from '../events/record.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Publisher } from '../publisher/publisher.ts'
import { UnitClaims } from '../publisher/unit-claims.ts'
import { type SqlPart, sql } from '../store/sql.ts'
import type { SqlStore } from '../store/sql-store.ts'
import type { PublishedInUnit } from '../subscriber/handler-context.ts'
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
  const append: (EventRecord | undefined)[] = []
  const preparing: Promise<PublishedInUnit>[] = []
  const claims = new UnitClaims()
  const context: TransactionContext = {
    tx: { sql: (strings, ...parts) => open.query(sql(strings, ...(parts as readonly SqlPart[]))) },
    publish(definition, data, stamp = {}) {
      // Its place among the others is that of the call.
      const at = append.push(undefined) - 1
      const publishing = (async (): Promise<PublishedInUnit> => {
        const record = await publisher.prepare(definition.create(data), stamp)
        const first = definition.dedup === 'content' ? await publisher.claim(record, claims) : undefined
        if (first !== undefined) return { id: first.id, duplicateOf: first.id }
        append[at] = record
        return { id: record.id }
      })()
      preparing.push(publishing)
      // Whoever does not await it learns of a failure by the transaction, not by a rejection that nobody handles.
      publishing.catch(() => {})
      return publishing
    },
  }
  try {
    const result = await work(context)
    await Promise.all(preparing)
    const records = append.filter((record) => record !== undefined)
    const answer = await open.commit({
      append: records,
      documents: [...publisher.promises(records), ...claims.documents],
      expect: claims.expect,
    })
    if (answer.status === 'refused') throw answer.error
    if (answer.status === 'conflict') {
      throw new TidingsError('TIDINGS_CONFLICT', 'The transaction expected what was no longer so.', {
        details: { expectation: answer.expectation, actual: answer.actual },
      })
    }
    await publisher.heard(records, answer.events)
    return result
  } catch (error) {
    await open.rollback()
    throw error
  }
}
