import type { CommitResult, Unit } from 'tidings/spi'

import type { CommitContext } from './commit-context.ts'
import { commitPlain } from './commit-plain.ts'
import { commitStatements } from './commit-statements.ts'

/** All units, in as few transactions as they allow. */
export function commitUnits(context: CommitContext, units: readonly Unit[]): Promise<readonly CommitResult[]> {
  return units.some(hasStatements) ? commitStatements(context, units) : commitPlain(context, units)
}

export function hasStatements({ statements }: Unit): boolean {
  return statements !== undefined && statements.length > 0
}
