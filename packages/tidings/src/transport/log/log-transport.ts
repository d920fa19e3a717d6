import type { EventRecord } from '../../events/record.ts'
import { isTidingsError, TidingsError } from '../../kernel/errors.ts'
import type { Host } from '../../store/adapter.ts'
import type { CommitResult, Store } from '../../store/store.ts'
import type { Outcome, Transport, TransportCapabilities } from '../transport.ts'
import { logGroups, type ProgressOptions } from './log-groups.ts'
import { type LogTransportOptions, resolveLogOptions } from './log-options.ts'
import { Reading } from './reading.ts'
import { TailReader } from './tail-reader.ts'
import { Turn } from './turn.ts'

/**
 * The transport that reads a store's own log, for any store. Events are delivered in commit order of each partition; members of
 * a group share the partitions by documents of the store, under a lease. It does not close the store.
 *
 * @param progress Whose progress the groups remember, where they should. Default: nobody's, for engines keep their own in the store.
 */
export function logTransport(
  store: Store,
  host: Host,
  options: LogTransportOptions = {},
  progress?: ProgressOptions['of'],
): Transport {
  const { poll, lease, window, page } = resolveLogOptions(options)
  const { partitions, durability, name } = store.capabilities
  const capabilities: TransportCapabilities = Object.freeze({
    name,
    kind: 'log',
    durability,
    groups: true,
    ordering: 'stream',
    redelivery: true,
    replay: true,
    maxBytes: Number.MAX_SAFE_INTEGER,
    partitions,
    ...(progress !== undefined && { remembers: true }),
  })
  const turn = new Turn(host.runtime)
  const tail = new TailReader({ store, host, turn, poll, window, page })
  const groups = logGroups({
    host,
    lease,
    partitions,
    documents: () => store,
    ...(progress !== undefined && { progress: { of: progress } }),
    head: async () => (await store.readAll({ after: 0, limit: 1, types: [] })).through,
    reading: ({ topics, exclusive }, sink, failed) =>
      new Reading({ store, host, turn, tail, sink, topics, inOrder: exclusive === true, page, near: window, failed }),
  })
  let closing: Promise<void> | undefined

  const assertOpen = (): void => {
    if (closing !== undefined) throw new TidingsError('TIDINGS_CLOSED', 'The log transport is closed.')
  }

  return {
    capabilities,
    async publish(batch, signal) {
      assertOpen()
      const outcomes = await publish(store, batch, signal)
      tail.wake()
      return outcomes
    },
    async subscribe(subscribe, sink) {
      assertOpen()
      return groups.subscribe(subscribe, sink)
    },
    close() {
      closing ??= groups.close()
      return closing
    },
  }
}

async function publish(
  store: Store,
  batch: readonly EventRecord[],
  signal: AbortSignal | undefined,
): Promise<readonly Outcome[]> {
  const unknown = (error: Error): Outcome[] => batch.map(() => ({ status: 'unknown', error }))
  if (batch.length === 0) return []
  if (signal?.aborted) return unknown(asError(signal.reason))
  const answered = store.commit(batch.map((record) => ({ append: [record] }))).then(
    (results) => results.map(outcomeOf),
    (error: unknown) => unknown(asError(error)),
  )
  if (signal === undefined) return answered
  return new Promise((resolve) => {
    const abort = (): void => resolve(unknown(asError(signal.reason)))
    signal.addEventListener('abort', abort, { once: true })
    void answered.then((outcomes) => {
      signal.removeEventListener('abort', abort)
      resolve(outcomes)
    })
  })
}

function outcomeOf(result: CommitResult): Outcome {
  if (result.status === 'committed') return { status: 'stored' }
  if (result.status === 'refused') return { status: 'refused', error: result.error }
  return {
    status: 'refused',
    error: new TidingsError('TIDINGS_CONFLICT', 'The store reports a conflict where nothing was expected.'),
  }
}

function asError(error: unknown): Error {
  return error instanceof Error || isTidingsError(error)
    ? error
    : new TidingsError('TIDINGS_COMMIT_UNKNOWN', 'Publishing was given up.', { cause: error })
}
