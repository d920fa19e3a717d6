import type { Row, Runtime, Statement } from 'tidings/spi'

import { answer } from '../connect/link.ts'
import type { TransactionsPool } from '../connect/transactions-pool.ts'
import { blamesStatement, isLost, refusal } from '../postgres-errors.ts'
import { renderStatement } from './render-statement.ts'
import { userRows } from './user-rows.ts'

/** A query of the user's outside of any unit, in a transaction that can only read. */
export async function readQuery(
  options: { readonly runtime: Runtime; readonly timeout: number },
  pool: TransactionsPool,
  statement: Statement,
): Promise<readonly Row[]> {
  const what = 'A query'
  const { text, values } = renderStatement(statement, what)
  const client = await pool.take()
  let broken = false
  try {
    const [, rows] = await all([
      answer(options, client, undefined, 'begin transaction read only', []),
      userRows(options, client, text, values),
      answer(options, client, undefined, 'commit', []),
    ])
    return rows
  } catch (error) {
    broken = isLost(error)
    throw blamesStatement(error) || isReadOnly(error) ? refusal(error, what) : error
  } finally {
    pool.give(client, broken)
  }
}

function isReadOnly(error: unknown): boolean {
  return (error as { readonly code?: unknown }).code === '25006'
}

/** Waits for every one of them, then throws what the first one threw. */
async function all<T extends readonly Promise<unknown>[]>(
  calls: readonly [...T],
): Promise<{ [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(calls)
  return Promise.all(calls)
}
