import type { Event } from '../events/event.ts'
import { TidingsError } from '../kernel/errors.ts'
import { type CommitResult, type Expectation, type StreamName, streamText } from '../store/store.ts'
import type { PublishOptions } from './publish-options.ts'

/** The preconditions that a publisher's `expectedVersion` and `expect` are. */
export function expectationsOf(
  { expectedVersion, expect = [] }: PublishOptions,
  event: Event<unknown>,
): readonly Expectation[] {
  if (expectedVersion !== undefined) return [{ stream: streamOf(event), version: expectedVersion }]
  const own = event.context.tenantId ?? ''
  return expect.map(({ category, key, version, tenantId: tenant = own }) => ({
    stream: { tenant, category, key },
    version,
  }))
}

/** Throws `TIDINGS_INVALID_OPTION` for events of several streams: a version says something of one. */
export function refuseSeveralStreams(events: readonly Event<unknown>[]): void {
  const [first, ...others] = events.map((event) => streamText(streamOf(event)))
  if (others.every((stream) => stream === first)) return
  throw new TidingsError(
    'TIDINGS_INVALID_OPTION',
    'Expected `expectedVersion` for events of one stream: it says nothing of the others. Say `expect` with a version for each stream.',
    { details: { field: 'expectedVersion' } },
  )
}

/** What a publisher is told who expected something else than there is. */
export function versionConflict(
  { expectation, actual }: Extract<CommitResult, { status: 'conflict' }>,
  type: string | undefined,
): TidingsError {
  const { version } = expectation
  if ('collection' in expectation) {
    return new TidingsError('TIDINGS_CONFLICT', 'What the publish stood on has been changed meanwhile.', {
      details: { expected: version, actual },
    })
  }
  const { category } = expectation.stream
  return new TidingsError(
    'TIDINGS_CONFLICT',
    `The stream does not stand at the \`expectedVersion\` ${version}; it stands at ${actual}.`,
    {
      details: {
        field: 'expectedVersion',
        expected: version,
        actual,
        category,
        ...(type === undefined ? {} : { type }),
      },
    },
  )
}

export function streamOf({ context, category, key }: Event<unknown>): StreamName {
  return { tenant: context.tenantId ?? '', category, key }
}
