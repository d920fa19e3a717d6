import type { Event } from '../events/event.ts'
import { TidingsError } from '../kernel/errors.ts'
import { type CommitResult, type Expectation, type StreamName, streamText } from '../store/store.ts'

/** The precondition that a publisher's `expectedVersion` is. */
export function expectedVersionOf(event: Event<unknown>, version: number): Expectation {
  return { stream: streamOf(event), version }
}

/** Throws `TIDINGS_INVALID_OPTION` for events of several streams: a version says something of one. */
export function refuseSeveralStreams(events: readonly Event<unknown>[]): void {
  const [first, ...others] = events.map((event) => streamText(streamOf(event)))
  if (others.every((stream) => stream === first)) return
  throw new TidingsError(
    'TIDINGS_INVALID_OPTION',
    'Expected `expectedVersion` for events of one stream: it says nothing of the others. Publish them by themselves.',
    { details: { field: 'expectedVersion' } },
  )
}

/** What a publisher is told whose stream stands elsewhere. */
export function versionConflict(
  { expectation, actual }: Extract<CommitResult, { status: 'conflict' }>,
  type: string | undefined,
): TidingsError {
  return new TidingsError(
    'TIDINGS_CONFLICT',
    `The stream does not stand at the \`expectedVersion\` ${expectation.version}; it stands at ${actual}.`,
    {
      details: {
        field: 'expectedVersion',
        expected: expectation.version,
        actual,
        ...(type === undefined ? {} : { type }),
      },
    },
  )
}

function streamOf({ context, category, key }: Event<unknown>): StreamName {
  return { tenant: context.tenantId ?? '', category, key }
}
