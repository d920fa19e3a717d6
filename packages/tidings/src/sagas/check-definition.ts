import { TidingsError } from '../kernel/errors.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { Store } from '../store/store.ts'
import { unknownSteps } from './migrate.ts'
import { readSaga, sagasCollection } from './saga-document.ts'
import type { SagaPlan } from './saga-plan.ts'

/** Collection of what is known of definitions of sagas, by name: so that a step that was taken away is noticed before any saga stumbles over it. */
export const sagaDefinitionsCollection = 'plans'

export interface KnownDefinition {
  readonly version: number
  /** In order; those of one stage together. Empty for a saga that reacts. */
  readonly stages: readonly (readonly string[])[]
  readonly changedAt: number
}

const page = 500

/**
 * Notes the definition for operators and for the next one. Rejects with `TIDINGS_SAGA_CHANGED` where sagas under way have begun steps that it does not
 * know and cannot migrate.
 */
export async function checkDefinition(store: Store, runtime: Runtime, plan: SagaPlan): Promise<void> {
  const stages = plan.stages.map((stage) => stage.map(({ name }) => name))
  for (;;) {
    const [document] = await store.find(sagaDefinitionsCollection, { id: plan.name })
    const known = document === undefined ? undefined : (JSON.parse(document.body) as KnownDefinition)
    const now = new Set(stages.flat())
    if (known !== undefined && plan.migrate === undefined && known.stages.flat().some((name) => !now.has(name)))
      await refuseLost(store, plan)
    if (
      known !== undefined &&
      known.version === plan.version &&
      JSON.stringify(known.stages) === JSON.stringify(stages)
    )
      return
    // In a rolling deployment the older definition leaves what the newer has noted.
    if (known !== undefined && known.version > plan.version) return
    const [result] = await store.commit([
      {
        expect: [{ collection: sagaDefinitionsCollection, id: plan.name, version: document?.version ?? 0 }],
        documents: [
          {
            collection: sagaDefinitionsCollection,
            id: plan.name,
            put: JSON.stringify({ version: plan.version, stages, changedAt: runtime.now() } satisfies KnownDefinition),
          },
        ],
      },
    ])
    if (result?.status === 'committed') return
    if (result?.status === 'refused') throw result.error
  }
}

async function refuseLost(store: Store, plan: SagaPlan): Promise<void> {
  for (let after: string | undefined; ; ) {
    const found = await store.find(sagasCollection, {
      prefix: `${plan.name}/`,
      limit: page,
      ...(after === undefined ? {} : { after }),
    })
    for (const document of found) {
      const saga = readSaga(document)
      const [lost] = unknownSteps(plan, saga)
      if (lost !== undefined)
        throw new TidingsError(
          'TIDINGS_SAGA_CHANGED',
          `Sagas of ${plan.name} that are under way have begun the step ${JSON.stringify(lost)}, which this definition does not have. Keep it, or say in \`migrate\` what becomes of it.`,
          { details: { saga: plan.name, step: lost, version: saga.version } },
        )
    }
    if (found.length < page) return
    after = found.at(-1)?.id
  }
}
