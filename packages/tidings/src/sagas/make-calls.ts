import { isTidingsError, TidingsError } from '../kernel/errors.ts'
import type { Attempt } from '../subscriber/attempt.ts'
import { migrated } from './migrate.ts'
import { type Called, callStep, failureOf, type Gathered } from './saga-call.ts'
import type { SagaDocument } from './saga-document.ts'
import type { SagaHost } from './saga-host.ts'
import type { Moment, Remark } from './saga-input.ts'
import { callOf, type SagaPlan } from './saga-plan.ts'
import { commitChange, type KeptSaga, loadSaga, nothing, waitForStore } from './saga-store.ts'
import { callsOf, transition } from './transition.ts'

/** Makes all calls that this event leads to, one after another or side by side, each outcome committed before the next. */
export async function callAll(host: SagaHost, attempt: Attempt, from: KeptSaga, moment: Moment): Promise<void> {
  const { heard } = moment
  const made = new Set<string>()
  let kept = from
  for (;;) {
    const document = kept.document as SagaDocument
    const calls = callsOf(document, heard.event).filter(({ step, direction }) => !made.has(`${direction} ${step}`))
    if (calls.length === 0) return
    const outcomes = await Promise.all(
      calls.map((call): Promise<Called> => {
        made.add(`${call.direction} ${call.step}`)
        const found = callOf(host.plan, call.step, call.direction)
        if (found?.call === undefined) throw upgradeNeeded(host.plan, call.step)
        return callStep(host, document, call, found.call as never, found.how.timeout, attempt.signal)
      }),
    )
    const end = await host.turns.take(kept.id)
    try {
      kept = await settle(host, attempt, kept, outcomes, moment)
    } finally {
      end()
    }
  }
}

/** Commits how calls have ended, whoever else changes the saga meanwhile, and however long the store is away. */
export async function settle(
  host: SagaHost,
  attempt: Attempt,
  from: KeptSaga,
  outcomes: readonly Called[],
  moment: Moment,
): Promise<KeptSaga> {
  let kept = from
  let ended = outcomes
  for (let tries = 0; ; tries++) {
    try {
      const now = { ...moment, now: host.runtime.now() }
      let document = migrated(host.plan, kept.document as SagaDocument)
      const remarks: Remark[] = []
      const gathered: { published: Gathered['published'][number][]; statements: Gathered['statements'][number][] } = {
        published: [],
        statements: [],
      }
      for (const { step, direction, outcome, published, statements } of ended) {
        const next = transition(host.plan, document, { kind: 'called', step, direction, outcome }, now)
        remarks.push(...next.remarks)
        // What an earlier try of this commit has made true already is not published again.
        const isTooLate = direction === 'run' && document.status !== 'running'
        if (next.document === document) continue
        document = next.document
        // It has ended while the saga was being taken back: what is called may have happened, what is in the store need not.
        if (isTooLate) continue
        gathered.published.push(...published)
        gathered.statements.push(...statements)
      }
      if (document === kept.document) return kept
      const committed = await commitChange(host, attempt, kept, document, gathered)
      if (committed !== undefined) {
        for (const remark of remarks) host.remark(remark, document)
        return committed
      }
      tries = 0
    } catch (error) {
      // Where a later version has taken the saga over, it calls again, under the same keys.
      if (attempt.withdrawn !== undefined || isTidingsError(error, 'TIDINGS_UPGRADE_NEEDED')) throw error
      if (isAway(error)) await waitForStore(host, attempt, error, tries)
      else if (ended.some(({ outcome }) => outcome.ok)) {
        // The store refuses what they want written: each has failed, though it has been called.
        ended = ended.map((one) => ({ ...one, ...nothing, outcome: one.outcome.ok ? failureOf(error) : one.outcome }))
        continue
      } else throw error
    }
    kept = await reload(host, attempt, kept.id)
  }
}

async function reload(host: SagaHost, attempt: Attempt, id: string): Promise<KeptSaga> {
  for (let tries = 0; ; tries++) {
    try {
      const kept = await loadSaga(host, id)
      if (kept.document !== undefined) return kept
      throw new TidingsError('TIDINGS_NOT_FOUND', 'The saga has been removed while one of its steps ran.', {
        details: { id },
      })
    } catch (error) {
      await waitForStore(host, attempt, error, tries)
    }
  }
}

function upgradeNeeded(plan: SagaPlan, step: string): TidingsError {
  return new TidingsError(
    'TIDINGS_UPGRADE_NEEDED',
    `Version ${plan.version} of saga ${plan.name} does not know the step ${JSON.stringify(step.slice(0, 80))}.`,
    { details: { saga: plan.name, step: step.slice(0, 80) } },
  )
}

function isAway(error: unknown): boolean {
  return isTidingsError(error, 'TIDINGS_STORE_UNAVAILABLE') || isTidingsError(error, 'TIDINGS_COMMIT_UNKNOWN')
}
