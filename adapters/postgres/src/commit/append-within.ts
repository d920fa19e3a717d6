import { type CommitResult, TidingsError, type Unit } from 'tidings/spi'

import type { TextRow } from '../connect/link.ts'
import { blamesUnit, commitError } from '../postgres-errors.ts'
import { commitText, readAnswer, resultsOf } from './commit-call.ts'
import type { CommitTarget } from './commit-context.ts'
import { hasStatements } from './commit-units.ts'
import { commitMode, encodePlan } from './encode-plan.ts'
import { isEmpty, type Known, planUnits } from './plan-units.ts'
import { splitUnits } from './split-units.ts'

/** What we need of somebody else's `pg` client: that of a `Client` or `PoolClient`. */
export interface ForeignClient {
  query(config: {
    text: string
    values: unknown[]
    rowMode: 'array'
    types: { getTypeParser(): (value: string) => unknown }
  }): Promise<{ readonly rows: readonly unknown[] }>
  /** `I` where no transaction is open. */
  getTransactionStatus?(): string | null
}

const asText = { getTypeParser: () => (value: string) => value }

/**
 * Applies units in a transaction that somebody else has begun and will commit. Takes the lock that makes positions commit order, so
 * everything else that the transaction does must have been done. What fails leaves the transaction as it was.
 */
export async function appendWithin(
  target: CommitTarget,
  client: ForeignClient,
  units: readonly Unit[],
): Promise<readonly CommitResult[]> {
  if (client.getTransactionStatus?.() === 'I') {
    throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `client` to be in a transaction: run BEGIN first.', {
      details: { field: 'client' },
    })
  }
  if (units.some(hasStatements)) {
    throw new TidingsError(
      'TIDINGS_NOT_SUPPORTED',
      'Units that are applied on a client of your own carry no statements: run them on that client.',
      { details: { field: 'statements' } },
    )
  }
  const run = async (text: string, values: unknown[] = []): Promise<readonly TextRow[]> =>
    (await client.query({ text, values, rowMode: 'array', types: asText })).rows as readonly TextRow[]
  const attempt = async (part: readonly Unit[], trusting: boolean): Promise<readonly CommitResult[]> => {
    await run('savepoint tidings')
    try {
      const results = await apply(target, run, part, trusting)
      await run('release savepoint tidings')
      return results
    } catch (error) {
      if (!blamesUnit(error)) throw commitError(error)
      await run('rollback to savepoint tidings')
      await run('release savepoint tidings')
      return splitUnits(part, error, trusting, attempt)
    }
  }
  return attempt(units, true)
}

async function apply(
  { relations, identities, types }: CommitTarget,
  run: (text: string, values: unknown[]) => Promise<readonly TextRow[]>,
  units: readonly Unit[],
  trusting: boolean,
): Promise<readonly CommitResult[]> {
  // After the first answer nobody else can change what it says.
  for (let known: Known | undefined; ; ) {
    const plan = planUnits(units, identities, { known, trusting })
    if (isEmpty(plan)) return resultsOf(plan, 0, [])
    const [row] = await run(commitText(relations), encodePlan(plan, commitMode.answer, identities, types))
    const answer = readAnswer(plan, row as TextRow)
    if (answer.ok) return resultsOf(plan, answer.head, answer.versions)
    known = answer.known
  }
}
