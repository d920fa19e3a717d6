import type { CommitResult, Unit } from 'tidings/spi'

import { refusal, storeError, unknownOutcome } from '../postgres-errors.ts'

/**
 * Some unit cannot be applied, and the server does not say which: halves are tried apart, down to the one. Nothing of them was
 * applied yet.
 */
export async function splitUnits(
  units: readonly Unit[],
  cause: unknown,
  trusting: boolean,
  attempt: (units: readonly Unit[], trusting: boolean) => Promise<readonly CommitResult[]>,
): Promise<readonly CommitResult[]> {
  if (units.length === 1) {
    // An id that said to be fresh and is not: looked up, it tells what it is.
    if (trusting) return attempt(units, false)
    return [{ status: 'refused', error: refusal(cause, 'The unit') }]
  }
  const middle = Math.ceil(units.length / 2)
  return inParts([units.slice(0, middle), units.slice(middle)], (part) => attempt(part, trusting))
}

/** One part after another. What fails after something was committed leaves the whole unknown. */
export async function inParts(
  parts: readonly (readonly Unit[])[],
  attempt: (units: readonly Unit[]) => Promise<readonly CommitResult[]>,
): Promise<readonly CommitResult[]> {
  const results: CommitResult[] = []
  for (const part of parts) {
    if (part.length === 0) continue
    try {
      results.push(...(await attempt(part)))
    } catch (error) {
      throw results.some(({ status }) => status === 'committed') ? unknownOutcome(error) : storeError(error, 'A commit')
    }
  }
  return results
}
