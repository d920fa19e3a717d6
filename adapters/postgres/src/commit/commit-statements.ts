import type { CommitResult, Unit } from 'tidings/spi'

import {
  blamesStatement,
  blamesUnit,
  commitError,
  isCollision,
  isLocked,
  isLost,
  refusal,
  storeError,
} from '../postgres-errors.ts'
import { type Applied, applyTogether } from './apply-together.ts'
import type { CommitContext } from './commit-context.ts'
import type { Known } from './plan-units.ts'
import { inParts, splitUnits } from './split-units.ts'

/** How often units that get into others' way, or whose world changes under them, are tried. */
const patience = 6

/**
 * Units with SQL of users: together in one transaction, sent in one go. A statement that fails takes its neighbours along,
 * so those before it and those after it are then tried without it.
 */
export async function commitStatements(
  context: CommitContext,
  units: readonly Unit[],
  trusting = true,
): Promise<readonly CommitResult[]> {
  let known: Known | undefined
  for (let attempt = 1; ; attempt++) {
    const applied = await inTransaction(context, units, known, trusting)
    switch (applied.kind) {
      case 'committed':
        return applied.results
      case 'changed':
        if (attempt >= patience) throw storeError(applied.error, 'A commit')
        known = applied.known
        break
      case 'failed': {
        const { error, unit } = applied
        if (isCollision(error) && attempt < patience) break
        if (!(unit === undefined ? blamesUnit(error) : blamesStatement(error))) throw commitError(error)
        const again = (part: readonly Unit[], trust: boolean): Promise<readonly CommitResult[]> =>
          commitStatements(context, part, trust)
        if (unit === undefined) return splitUnits(units, error, trusting, again)
        const failing = units[unit.at] as Unit
        const refused = (): Promise<readonly CommitResult[]> =>
          Promise.resolve([{ status: 'refused', error: refusal(error, unit.what) }])
        if (units.length === 1) return refused()
        // Who has waited for a lock once does not let the others wait again.
        const waited = isLocked(error)
        return inParts([units.slice(0, unit.at), [failing], units.slice(unit.at + 1)], (part) =>
          waited && part[0] === failing ? refused() : again(part, trusting),
        )
      }
    }
  }
}

async function inTransaction(
  context: CommitContext,
  units: readonly Unit[],
  known: Known | undefined,
  trusting: boolean,
): Promise<Applied> {
  const { pool, answer, runStatements } = context
  const client = await pool.take()
  let applied: Applied | undefined
  try {
    applied = await applyTogether({
      run: (text, values) => answer(client, text, values),
      runStatements: (statements) => runStatements(client, statements),
      begin: true,
      target: context,
      units,
      known,
      trusting,
    })
    return applied
  } finally {
    // A COMMIT after a failure has rolled back; only a broken connection is left in doubt.
    pool.give(client, applied === undefined || (applied.kind === 'failed' && isLost(applied.error)))
  }
}
