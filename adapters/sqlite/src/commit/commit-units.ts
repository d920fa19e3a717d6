import { type CommitResult, isTidingsError, TidingsError, type Unit } from 'tidings/spi'

import { isEnvironment, refusal, storeError } from '../sqlite-errors.ts'
import type { Writer } from './writer.ts'

/**
 * All units in one transaction. Undefined where one of them failed in a way that undid its neighbours: then nothing was
 * applied, and `commitOne` must try each alone. Throws SQLite's busy error, or what is wrong with the store, coded.
 */
export function commitTogether(writer: Writer, units: readonly Unit[]): CommitResult[] | undefined {
  writer.begin()
  const results = new Array<CommitResult>(units.length)
  let step = 'A commit'
  try {
    for (let at = 0; at < units.length; at++) {
      const unit = units[at] as Unit
      // Without SQL of users nothing fails that was not looked at before; a savepoint would be for nothing.
      results[at] =
        unit.statements === undefined || unit.statements.length === 0
          ? writer.apply(unit, true)
          : writer.applyApart(unit, refused)
    }
    writer.flush()
    step = 'COMMIT'
    writer.commit()
    return results
  } catch (error) {
    writer.rollback()
    if (isEnvironment(error)) throw commitError(error, step)
    return undefined
  }
}

/** One unit in a transaction of its own. Whatever is wrong with the unit is an answer. */
export function commitOne(writer: Writer, unit: Unit): CommitResult {
  writer.begin()
  return finishUnit(writer, unit)
}

/**
 * Applies the unit in the transaction that is open, and commits. Anything but `committed` rolls back, and so does a repetition: nothing of it was
 * applied, and what the transaction has done before belongs to it.
 */
export function finishUnit(writer: Writer, unit: Unit): CommitResult {
  let step = 'A commit'
  try {
    const result = writer.apply(unit, false)
    if (result.status === 'committed' && !result.repeated) {
      writer.flush()
      step = 'COMMIT'
      writer.commit()
    } else writer.rollback()
    return result
  } catch (error) {
    writer.rollback()
    if (isEnvironment(error)) throw commitError(error, step)
    return { status: 'refused', error: isTidingsError(error) ? error : refusal(error, 'The unit') }
  }
}

function refused(error: unknown): CommitResult {
  if (isEnvironment(error)) throw error
  return { status: 'refused', error: isTidingsError(error) ? error : refusal(error, 'The unit') }
}

const ioError = 10

/** A disk that fails while it flushes the commit may have written it all the same. */
function commitError(error: unknown, step: string): Error {
  const coded = storeError(error, step)
  if (step !== 'COMMIT' || !isTidingsError(coded, 'TIDINGS_STORE_UNAVAILABLE')) return coded
  const { sqlite } = coded.details as { readonly sqlite?: number }
  return sqlite !== undefined && (sqlite & 0xff) === ioError ? unknownOutcome(error) : coded
}

export function unknownOutcome(cause: unknown): TidingsError {
  return new TidingsError(
    'TIDINGS_COMMIT_UNKNOWN',
    'The store failed in the middle of a commit; what it had written may stand. Repeat it with the same ids.',
    {
      cause,
    },
  )
}
