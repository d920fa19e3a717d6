import type { CommitResult, Unit } from 'tidings/spi'

import type { TextRow } from '../connect/link.ts'
import { blamesUnit, commitError } from '../postgres-errors.ts'
import { commitText, learn, readAnswer, resultsOf } from './commit-call.ts'
import type { CommitContext } from './commit-context.ts'
import { commitMode, encodePlan } from './encode-plan.ts'
import { isEmpty, type Known, planUnits } from './plan-units.ts'
import { splitUnits } from './split-units.ts'

const commitName = 'tidings_commit'

/** How often the world may change between a look and its commit before the lock is held across both. */
const patience = 4

/**
 * Units without SQL of users: one statement for all of them. Where what they assume does not hold, the answer says what does, and they
 * are planned anew. `trusting`: ids that say they are fresh are not looked up.
 */
export async function commitPlain(
  context: CommitContext,
  units: readonly Unit[],
  trusting = true,
): Promise<readonly CommitResult[]> {
  const { relations, identities, types, writer } = context
  const text = commitText(relations)
  let known: Known | undefined
  try {
    for (let attempt = 0; attempt < patience; attempt++) {
      const plan = planUnits(units, identities, { known, trusting })
      if (isEmpty(plan)) return resultsOf(plan, 0, [])
      const [row] = await writer.rows(commitName, text, encodePlan(plan, commitMode.answer, identities, types))
      const answer = readAnswer(plan, row as TextRow)
      if (answer.ok) {
        learn(plan, answer, identities)
        return resultsOf(plan, answer.head, answer.versions)
      }
      known = answer.known
    }
    return await commitHolding(context, units, trusting)
  } catch (error) {
    if (!blamesUnit(error)) throw commitError(error)
    return splitUnits(units, error, trusting, (part, again) => commitPlain(context, part, again))
  }
}

/** With the lock held between the look and the commit: for units that others always get ahead of. */
async function commitHolding(
  { relations, identities, types, pool, answer }: CommitContext,
  units: readonly Unit[],
  trusting: boolean,
): Promise<readonly CommitResult[]> {
  const client = await pool.take()
  let done = false
  try {
    await answer(client, 'begin', [])
    await answer(client, `select pg_advisory_xact_lock(${relations.appendLock})`, [])
    let known: Known | undefined
    for (;;) {
      const plan = planUnits(units, identities, { known, trusting })
      const [row] = isEmpty(plan)
        ? [undefined]
        : await answer(client, commitText(relations), encodePlan(plan, commitMode.answer, identities, types))
      const told = row === undefined ? { ok: true as const, head: 0, versions: [] } : readAnswer(plan, row)
      if (!told.ok) {
        known = told.known
        continue
      }
      await answer(client, 'commit', [])
      done = true
      return resultsOf(plan, told.head, told.versions)
    }
  } finally {
    pool.give(client, !done)
  }
}
