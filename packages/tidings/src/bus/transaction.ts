import type { EventRecord } from '../events/record.ts'
import { recordOf } from '../events/record-codec.ts'
import { TidingsError } from '../kernel/errors.ts'
import { type PrepareOptions, prepare } from '../prepare/prepare.ts'
import { type SqlPart, sql } from '../store/sql.ts'
import type { SqlStore } from '../store/sql-store.ts'
import type { TransactionContext } from './event-bus.ts'

/** Runs `work` around one transaction: what it publishes is written in the commit that ends it; a throw rolls everything back. */
export async function transaction<Result>(
  store: SqlStore,
  hold: number,
  options: PrepareOptions,
  work: (unit: TransactionContext) => Result | Promise<Result>,
): Promise<Result> {
  const open = await store.begin({ hold })
  const records: (EventRecord | Promise<EventRecord>)[] = []
  const context: TransactionContext = {
    tx: { sql: (strings, ...parts) => open.query(sql(strings, ...(parts as readonly SqlPart[]))) },
    async publish(definition, data, stamp = {}) {
      const fresh = stamp.id === undefined
      const event = prepare(definition.create(data), stamp, options)
      const record =
        event instanceof Promise ? event.then((prepared) => recordOf(prepared, { fresh })) : recordOf(event, { fresh })
      records.push(record)
      return record
    },
  }
  try {
    const result = await work(context)
    const answer = await open.commit({ append: await Promise.all(records.map(async (record) => record)) })
    if (answer.status === 'refused') throw answer.error
    if (answer.status === 'conflict')
      throw new TidingsError('TIDINGS_CONFLICT', 'The transaction expected what was no longer so.')
    return result
  } catch (error) {
    await open.rollback()
    throw error
  }
}
