import type { BusParts } from '../bus/bus-parts.ts'
import type { EventDraft } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Stamp } from '../prepare/prepare.ts'
import { streamOf } from '../publisher/expected-version.ts'
import { streamText } from '../store/store.ts'
import type { DecideOptions } from './decision.ts'
import { fold } from './fold.ts'
import type { Ground } from './ground.ts'
import type { StreamState } from './stream-state.ts'

/** Where a stream stands once a decision is written. */
export interface After extends Ground, StreamState<unknown> {
  /** Whether the decision writes to it. */
  readonly written: boolean
}

/** A decision that is ready to be written. */
export interface Completed {
  readonly drafts: readonly EventDraft[]
  readonly events: readonly Event<unknown>[]
  readonly after: readonly After[]
  typesOf(category: string): ReadonlySet<string>
}

/**
 * Completes what was decided as a publish would, and runs it through `evolve`: an event that the aggregate itself cannot read is never written. Rejects
 * with `TIDINGS_INVALID_EVENT` for an event of a stream that was not decided for.
 */
export async function completeEvents(
  { publisher }: Pick<BusParts, 'publisher'>,
  ground: readonly Ground[],
  drafts: readonly EventDraft[],
  options: DecideOptions,
): Promise<Completed> {
  const events = await Promise.all(drafts.map(async (draft, at) => publisher.complete(draft, stampOf(options, at))))
  const after = ground.map((one) => ({ ...one, ...one.base, written: false }))
  const byStream = new Map(after.map((one) => [one.text, one]))
  for (const event of events) {
    const target = byStream.get(streamText(streamOf(event)))
    if (target === undefined) throw elsewhere(event, ground)
    target.version++
    target.state = fold(target.aggregate, target.state, event, target.version)
    target.written = true
  }
  return {
    drafts,
    events,
    after,
    typesOf: (category) => new Set(events.filter((event) => event.category === category).map(({ type }) => type)),
  }
}

/** Ids follow from the command, so that whoever repeats it meets them. */
function stampOf(
  {
    tries: _tries,
    expectedVersion: _version,
    commandId,
    deadline: _deadline,
    within: _within,
    ...stamp
  }: DecideOptions,
  at: number,
): Stamp {
  return commandId === undefined ? stamp : { ...stamp, id: `${commandId}/${at + 1}` }
}

function elsewhere({ type, category, context }: Event<unknown>, ground: readonly Ground[]): TidingsError {
  const categories = [...new Set(ground.map(({ stream }) => stream.category))].join(', ')
  const tenants = [...new Set(ground.map(({ stream }) => stream.tenant))]
  const what = !categories.split(', ').includes(category)
    ? `category ${category}, but ${categories} was decided for`
    : !tenants.includes(context.tenantId ?? '')
      ? 'another tenant than what was decided for'
      : 'another key than what was decided for; its definition says by `key` which thing it is about'
  return new TidingsError(
    'TIDINGS_INVALID_EVENT',
    `A decision may only tell of what it was made for: ${type} is of ${what}.`,
    {
      details: { field: 'stream', type, category },
    },
  )
}
