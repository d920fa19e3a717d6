import { TidingsError } from '../kernel/errors.ts'
import type { Publisher } from '../publisher/publisher.ts'
import type { SqlStore } from '../store/sql-store.ts'
import type { CommitResult } from '../store/store.ts'
import type { TransactionContext } from './event-bus.ts'
import { TransactionUnit } from './transaction-unit.ts'

/**
 * Runs `work` around one transaction: what it publishes and decides is written in the commit that ends it, and its inline listeners have run when this
 * resolves; a throw rolls everything back. Where all of its events stand already it was carried out before: it is rolled back, and resolves with what
 * `work` has returned.
 */
export async function transaction<Result>(
  store: SqlStore,
  hold: number,
  publisher: Publisher,
  work: (unit: TransactionContext) => Result | Promise<Result>,
): Promise<Result> {
  const open = await store.begin({ hold })
  const unit = new TransactionUnit(open, publisher)
  try {
    const result = await work(unit)
    const gathered = await unit.gathered()
    const { unit: whole, committed } = await publisher.joined(gathered, hold)
    const answer = await open.commit(whole)
    if (answer.status === 'refused') throw answer.error
    if (answer.status === 'conflict') {
      publisher.met(gathered.append, answer)
      throw conflict(answer)
    }
    // Its events were written by somebody else, so that what it has done beside them is not.
    if (answer.repeated && unit.stands) throw carriedOut()
    if (!answer.repeated) committed()
    await publisher.heard(gathered.append, answer.events, answer.repeated)
    return result
  } catch (error) {
    unit.end()
    await open.rollback()
    throw error
  }
}

function conflict({ expectation, actual }: Extract<CommitResult, { status: 'conflict' }>): TidingsError {
  const { version: expected } = expectation
  if (!('stream' in expectation)) {
    return new TidingsError('TIDINGS_CONFLICT', 'The transaction expected what was no longer so.', {
      details: { expectation, expected, actual },
    })
  }
  const { category } = expectation.stream
  return new TidingsError(
    'TIDINGS_CONFLICT',
    `The transaction has decided over a stream of ${category} at version ${expected}; it stands at ${actual}.`,
    { details: { expectation, expected, actual, category } },
  )
}

function carriedOut(): TidingsError {
  return new TidingsError(
    'TIDINGS_CONFLICT',
    'The command of the transaction was carried out by somebody else meanwhile; what the transaction has done beside it is rolled back.',
  )
}
