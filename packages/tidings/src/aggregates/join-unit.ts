import { contextAsGiven } from '../events/event.ts'
import type { EventRecord } from '../events/record.ts'
import { TidingsError } from '../kernel/errors.ts'
import { streamText } from '../store/store.ts'
import type { Attempt } from '../subscriber/attempt.ts'
import type { HandlerContext } from '../subscriber/handler-context.ts'
import type { After, Completed } from './complete-events.ts'
import type { Aggregate } from './define-aggregate.ts'
import { expectationsOf, type Ground } from './ground.ts'
import { isDue, snapshotDocument } from './snapshots.ts'
import type { StreamState } from './stream-state.ts'

/** A stream that a handler has decided over, as it will be once it commits, and how many events it has decided there. */
interface Pending extends After {
  readonly decided: number
}

/** By handler's context. */
const pending = new WeakMap<HandlerContext, Map<string, Pending>>()

/**
 * Where a stream stands for a handler that has decided over it before. Throws `TIDINGS_NOT_SUPPORTED` where the handler has also published to it by
 * itself: what a decision would stand on is nowhere to be read yet.
 */
export function pendingIn(
  context: HandlerContext,
  aggregate: Aggregate,
  text: string,
): StreamState<unknown> | undefined {
  const found = pending.get(context)?.get(text)
  // Places of events that are still being prepared, or repeat others, are empty.
  const records: readonly (EventRecord | undefined)[] = (context as Attempt).records ?? []
  const joined = records.filter((record) => record !== undefined && streamText(record) === text).length
  if (joined !== (context.replay ? joined : (found?.decided ?? 0))) throw publishedUnseen(aggregate)
  // Another aggregate may read the same stream; it has a state of its own, which the unit does not hold yet.
  return found?.aggregate === aggregate ? found : undefined
}

/** Makes a decision a part of what a handler commits. Where what it stood on has changed by then, the event is handled anew, at no attempt's cost. */
export async function joinUnit(
  context: HandlerContext,
  ground: readonly Ground[],
  completed: Completed,
): Promise<void> {
  const { drafts, events, after } = completed
  let known = pending.get(context)
  if (known === undefined) pending.set(context, (known = new Map()))
  const expect = ground.filter(({ text }) => !known.has(text)).flatMap(expectationsOf)
  const due = after.filter(({ written, aggregate, version, taken }) => written && isDue(aggregate, version, taken))
  const join = (): void =>
    (context as Attempt).join({
      expect,
      documents: due.map(({ aggregate, stream, state, version }) =>
        snapshotDocument(aggregate, stream, { state, at: version }),
      ),
    })
  // Before the events, so that no unit holds them without what they stand on.
  if (!context.replay) join()
  for (const one of after) {
    const written = one.version - (ground.find(({ text }) => text === one.text)?.base.version ?? one.version)
    known.set(one.text, { ...one, decided: (known.get(one.text)?.decided ?? 0) + written })
  }
  const published = await Promise.all(
    drafts.map(({ definition, data, context: said }, at) => {
      const event = events[at] as (typeof events)[number]
      const { id, timestamp, priority } = event
      return context.publish(definition, data, { ...said, ...contextAsGiven(event), id, timestamp, priority })
    }),
  )
  // A replay that publishes nothing has nothing to be checked either.
  if (context.replay && published.every(({ suppressed }) => suppressed !== true)) join()
}

function publishedUnseen({ category }: Aggregate): TidingsError {
  return new TidingsError(
    'TIDINGS_NOT_SUPPORTED',
    `A handler cannot decide over a stream of ${category} that it has published to by itself: the decision would not see those events. Decide them, too.`,
    { details: { category } },
  )
}
