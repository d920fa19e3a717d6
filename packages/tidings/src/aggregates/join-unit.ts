import { contextAsGiven } from '../events/event.ts'
import { TidingsError } from '../kernel/errors.ts'
import { streamText } from '../store/store.ts'
import type { Attempt } from '../subscriber/attempt.ts'
import type { HandlerContext } from '../subscriber/handler-context.ts'
import type { After, Completed } from './complete-events.ts'
import type { Aggregate } from './define-aggregate.ts'
import { expectationsOf, type Ground } from './ground.ts'
import { isDue, snapshotDocument } from './snapshots.ts'
import type { StreamState } from './stream-state.ts'

/** By handler's context: streams that it has decided over, as they will be once it commits. */
const pending = new WeakMap<HandlerContext, Map<string, After>>()

/** Where a stream stands for a handler that has decided over it before. */
export function pendingIn(
  context: HandlerContext,
  aggregate: Aggregate,
  text: string,
): StreamState<unknown> | undefined {
  const found = pending.get(context)?.get(text)
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
  refuseBlind(context as Attempt, ground, known)
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
  for (const one of after) known.set(one.text, one)
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

/** What the handler has published to a stream by itself would lie before the decision, which has not seen it. */
function refuseBlind(attempt: Attempt, ground: readonly Ground[], known: ReadonlyMap<string, After>): void {
  for (const record of attempt.records ?? []) {
    const text = streamText(record)
    if (known.has(text) || !ground.some((one) => one.text === text)) continue
    throw new TidingsError(
      'TIDINGS_NOT_SUPPORTED',
      `This handler has published to the stream ${record.category}/${record.key} by itself, so it cannot decide over it, too: decide first.`,
      { details: { category: record.category, key: record.key } },
    )
  }
}
