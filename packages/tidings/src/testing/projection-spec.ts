import type { EventDraft } from '../events/define-event.ts'
import { TidingsError } from '../kernel/errors.ts'
import { projectionOperations } from '../operations/projections.ts'
import type { Collections, Projection } from '../projections/define-projection.ts'
import type { ProjectionHandle } from '../projections/projection-handle.ts'
import { createTestBus, type TestBusOptions, type TestWorld } from './create-test-bus.ts'

/** What a projection shows after events, written as a sentence: `given(…).when(…).shows(…)`. */
export interface ProjectionSpec<Table extends string, Documents extends Collections> {
  /** What has happened before. */
  given(...events: readonly EventDraft[]): Given<Table, Documents>
}

export interface Given<Table extends string, Documents extends Collections> extends Shows<Table, Documents> {
  /** What happens then. */
  when(...events: readonly EventDraft[]): Shows<Table, Documents>
}

export interface Shows<Table extends string, Documents extends Collections> {
  /**
   * Runs `check` on what readers see: as it was kept up event by event, and again as it is rebuilt from zero. Rejects with what the check throws, and with
   * `TIDINGS_CONFLICT` where an event could not be applied or a rebuild holds something else.
   */
  shows(check: (read: ProjectionHandle<Table, Documents>) => unknown): Promise<void>
}

/** Says by examples what a projection makes of events. `options.store`: what it stands on, such as `sqlite(':memory:')` for tables; default memory. */
export function projectionSpec<Table extends string, Documents extends Collections>(
  projection: Projection<Table, Documents>,
  options: TestBusOptions = {},
): ProjectionSpec<Table, Documents> {
  const run =
    (before: readonly EventDraft[], then: readonly EventDraft[]): Shows<Table, Documents>['shows'] =>
    async (check) => {
      await using world = await createTestBus(options)
      world.bus.use(projection)
      // Each by itself, as they happen; those of one test come in the order in which they are written.
      for (const event of before) await world.bus.publish(event)
      await world.bus.settled()
      for (const event of then) await world.bus.publish(event)
      await world.bus.settled()
      refuseParked(world)
      await check(projection.of(world.bus))
      await rebuild(world, projection.settings.name)
      await check(projection.of(world.bus))
    }
  return {
    given: (...before) => ({
      shows: run(before, []),
      when: (...then) => ({ shows: run(before, then) }),
    }),
  }
}

async function rebuild({ store, clock, seed }: TestWorld, name: string): Promise<void> {
  const operations = projectionOperations(store, clock.runtime)
  const generation = await operations.rebuild(name)
  for (let waited = 0; waited < 60; waited++) {
    await clock.advance('1s')
    const { generations } = await operations.progress(name)
    const built = generations.find(({ number }) => number === generation)
    if (built?.state === 'live') return
    if (built?.state === 'ready') throw broken(`${built.parity?.says ?? 'A rebuild waits.'} Seed ${seed}.`)
  }
  throw broken(`A rebuild came to no end. Seed ${seed}.`)
}

function refuseParked({ parked, seed }: TestWorld): void {
  const [first, ...others] = parked()
  if (first === undefined) return
  const more = others.length === 0 ? '' : `, and ${others.length} more are set aside`
  throw broken(`${first.type} could not be applied: ${first.error?.message ?? first.state}${more}. Seed ${seed}.`)
}

function broken(says: string): TidingsError {
  return new TidingsError('TIDINGS_CONFLICT', says)
}
