import { TidingsError } from '../kernel/errors.ts'
import { hasEnded, type SagaDocument } from './saga-document.ts'
import type { SagaPlan } from './saga-plan.ts'

/**
 * A saga of an earlier version of the definition as today's can go on with it; the very same object where there is nothing to do. Steps are known by name:
 * those it has begun must still be there. Throws `TIDINGS_UPGRADE_NEEDED` where one is not, and for a saga under way that a later version has changed, for
 * nobody but that one knows what its state and its results mean. That sets the event aside until a definition knows it, at the cost of no attempt.
 */
export function migrated(plan: SagaPlan, document: SagaDocument): SagaDocument {
  const isBegun = document.startedBy !== ''
  if (isBegun && document.version > plan.version && !hasEnded(document))
    throw new TidingsError(
      'TIDINGS_UPGRADE_NEEDED',
      `A saga ${plan.name} is one of version ${document.version} by now, and this process has version ${plan.version} of its definition.`,
      { details: { saga: plan.name, version: document.version, known: plan.version } },
    )
  let saga = document
  if (plan.migrate !== undefined && document.version < plan.version && isBegun) {
    const { steps, results, heard, begun, state } = document
    const made = plan.migrate(
      { steps, results, heard, begun, ...(state === undefined ? {} : { state }) },
      document.version,
    )
    saga = { ...document, ...(made as Partial<SagaDocument>), version: plan.version }
  }
  const unknown = unknownSteps(plan, saga)
  if (unknown.length === 0) return saga
  throw new TidingsError(
    'TIDINGS_UPGRADE_NEEDED',
    `A saga ${plan.name} of version ${document.version} has begun ${unknown.map((name) => JSON.stringify(name)).join(', ')}, which version ${plan.version} does not know.`,
    { details: { saga: plan.name, steps: unknown } },
  )
}

/** Steps that a saga which has not ended has begun, and that the definition does not have. */
export function unknownSteps(
  plan: SagaPlan,
  { steps, status }: Pick<SagaDocument, 'steps' | 'status'>,
): readonly string[] {
  if (plan.reacts !== undefined || status === 'done' || status === 'compensated') return []
  return Object.keys(steps).filter((name) => !plan.steps.has(name))
}
