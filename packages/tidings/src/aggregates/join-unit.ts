import { contextAsGiven } from '../events/event.ts'
import { TidingsError } from '../kernel/errors.ts'
import { streamText } from '../store/store.ts'
import type { OpenUnit } from '../subscriber/open-unit.ts'
import type { Completed } from './complete-events.ts'
import type { Aggregate } from './define-aggregate.ts'
import { expectationsOf, type Ground } from './ground.ts'
import { isDue, snapshotDocument } from './snapshots.ts'
import { decisionsOf, type Pending } from './unit-decisions.ts'

/**
 * Where a stream stands for a unit that has decided over it before. Throws `TIDINGS_NOT_SUPPORTED` where it has also published to it otherwise: what a
 * decision would stand on is nowhere to be read yet.
 */
export function pendingIn(unit: OpenUnit, aggregate: Aggregate, text: string): Pending | undefined {
  const found = decisionsOf(unit).streams.get(text)
  const joined = (unit.records ?? []).filter((record) => record !== undefined && streamText(record) === text).length
  if (joined !== (unit.replay ? joined : (found?.events.length ?? 0))) throw publishedUnseen(aggregate)
  return found
}

/**
 * Makes a decision a part of what a handler or a transaction commits. What it stood on is checked by that commit: where it has changed, the event is
 * handled anew, at no attempt's cost, and a transaction is refused. Resolves with false, and nothing has joined, where another decision of the same unit
 * has joined over one of its streams meanwhile.
 */
export function joinUnit(
  unit: OpenUnit,
  ground: readonly Ground[],
  completed: Completed,
  commandId: string | undefined,
): Promise<boolean> {
  const decisions = decisionsOf(unit)
  return decisions.alone(async () => {
    if (decisions.isBehind(ground)) return false
    // Something may have been published meanwhile.
    for (const { aggregate, text } of ground) pendingIn(unit, aggregate, text)
    const { drafts, events, after } = completed
    const expect = ground.filter(({ text }) => !decisions.streams.has(text)).flatMap(expectationsOf)
    const due = after.filter(({ written, aggregate, version, taken }) => written && isDue(aggregate, version, taken))
    const join = (): void =>
      unit.join({
        expect,
        documents: due.map(({ aggregate, stream, state, version }) =>
          snapshotDocument(aggregate, stream, { state, at: version }),
        ),
      })
    // Before the events, so that no unit holds them without what they stand on.
    if (!unit.replay) join()
    decisions.add(ground, completed)
    if (commandId !== undefined) decisions.commands.add(commandId)
    const published = await Promise.all(
      drafts.map(({ definition, data, context: said }, at) => {
        const event = events[at] as (typeof events)[number]
        const { id, timestamp, priority } = event
        return unit.publish(definition, data, { ...said, ...contextAsGiven(event), id, timestamp, priority })
      }),
    )
    // A replay that publishes nothing has nothing to be checked either.
    if (unit.replay && published.every(({ suppressed }) => suppressed !== true)) join()
    return true
  })
}

function publishedUnseen({ category }: Aggregate): TidingsError {
  return new TidingsError(
    'TIDINGS_NOT_SUPPORTED',
    `Nobody can decide over a stream of ${category} in a handler or transaction that has published to it by itself: the decision would not see those events. Decide them, too.`,
    { details: { category } },
  )
}
