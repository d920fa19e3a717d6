import type { CommitResult, Unit } from 'tidings/spi'

import type { TextRow } from '../connect/link.ts'
import { isAborted, isServerError, raised } from '../postgres-errors.ts'
import { renderStatement } from '../sql/render-statement.ts'
import type { StatementRun } from '../sql/run-statements.ts'
import type { BoundStatement } from '../sql/statement-messages.ts'
import { commitText, readAnswer, readDetail, resultsOf } from './commit-call.ts'
import type { CommitTarget } from './commit-context.ts'
import { commitMode, encodePlan } from './encode-plan.ts'
import { isEmpty, type Known, type Plan, planUnits } from './plan-units.ts'

export interface TogetherOptions {
  /** Sends one statement of ours, without waiting for those before it. */
  readonly run: (text: string, values: unknown[]) => Promise<readonly TextRow[]>
  /** The same of users' statements, all of them. */
  readonly runStatements: (statements: readonly BoundStatement[]) => StatementRun
  /** Whether the transaction has yet to begin. It always ends. */
  readonly begin: boolean
  readonly target: CommitTarget
  readonly units: readonly Unit[]
  readonly known: Known | undefined
  readonly trusting: boolean
}

export type Applied =
  | { readonly kind: 'committed'; readonly results: readonly CommitResult[] }
  /** Rolled back: this is how things stand. */
  | { readonly kind: 'changed'; readonly known: Known; readonly error: unknown }
  /** Rolled back, or lost. `unit`: whose statement it was. */
  | {
      readonly kind: 'failed'
      readonly error: unknown
      readonly unit?: Owner | undefined
    }

/** Whose statement it is. */
interface Owner {
  readonly at: number
  readonly what: string
}

interface Step {
  readonly sent: Promise<unknown>
  /** Whose statement has failed. */
  readonly owner?: () => Owner | undefined
}

/**
 * A whole transaction in one go: a look at what the units expect, so that no statement runs in vain; the statements; and last, under the
 * lock, everything of ours and COMMIT. All of it is on its way before the first answer comes back: a process that stalls here holds
 * nobody up. The first failure makes the server skip the rest and COMMIT roll back.
 */
export async function applyTogether(options: TogetherOptions): Promise<Applied> {
  const { run, target, units, known, trusting } = options
  const plan = planUnits(units, target.identities, { known, trusting })
  const ready = prepare(plan, units, target)
  if ('error' in ready) {
    if (!options.begin) await run('rollback', [])
    return { kind: 'failed', ...ready }
  }
  const steps: Step[] = []
  if (options.begin) steps.push({ sent: run('begin', []) })
  if (ready.look !== undefined) steps.push({ sent: run(ready.text, ready.look) })
  if (ready.statements.length > 0) {
    const users = options.runStatements(ready.statements)
    steps.push({ sent: users.ended, owner: () => ready.statements[users.done]?.unit })
  }
  const apply = ready.apply === undefined ? undefined : run(ready.text, ready.apply)
  if (apply !== undefined) steps.push({ sent: apply })
  steps.push({ sent: run('commit', []) })
  const ends = await Promise.allSettled(steps.map(({ sent }) => sent))
  const failed = ends.findIndex((end) => end.status === 'rejected' && !isAborted(end.reason))
  if (failed === -1) {
    const row = apply === undefined ? undefined : (await apply)[0]
    const answer = row === undefined ? undefined : readAnswer(plan, row)
    return {
      kind: 'committed',
      results: answer?.ok === true ? resultsOf(plan, answer.head, answer.versions) : resultsOf(plan, 0, []),
    }
  }
  const error = (ends[failed] as PromiseRejectedResult).reason as unknown
  if (isServerError(error) && error.code === raised.broken)
    return { kind: 'changed', known: readDetail(plan, error.detail ?? '{}'), error }
  return { kind: 'failed', error, unit: steps[failed]?.owner?.() }
}

interface Ready {
  readonly text: string
  readonly look: unknown[] | undefined
  readonly statements: readonly (BoundStatement & { readonly unit: Owner })[]
  readonly apply: unknown[] | undefined
}

/** Puts everything into the form in which it is sent, so that nothing can fail between two sendings. */
function prepare(
  plan: Plan,
  units: readonly Unit[],
  { relations, identities, types }: CommitTarget,
): Ready | { readonly error: unknown; readonly unit?: Owner } {
  const statements: Ready['statements'][number][] = []
  for (let at = 0; at < units.length; at++) {
    if (plan.verdicts[at]?.kind !== 'apply') continue
    for (const [number, statement] of ((units[at] as Unit).statements ?? []).entries()) {
      const unit = { at, what: `Statement ${number + 1} of the unit` }
      try {
        statements.push({ ...renderStatement(statement, unit.what), unit })
      } catch (error) {
        return { error, unit }
      }
    }
  }
  try {
    return {
      text: commitText(relations),
      look: relies(plan) && statements.length > 0 ? encodePlan(plan, commitMode.look, identities, types) : undefined,
      statements,
      apply: isEmpty(plan) ? undefined : encodePlan(plan, commitMode.insist, identities, types),
    }
  } catch (error) {
    return { error }
  }
}

/** Whether there is anything to look at before. */
function relies(plan: Plan): boolean {
  return (
    plan.absent.length > 0 || plan.streams.some(({ relied }) => relied) || plan.documents.some(({ relied }) => relied)
  )
}
