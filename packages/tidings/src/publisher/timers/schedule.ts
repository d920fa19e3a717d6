import type { EventDraft } from '../../events/define-event.ts'
import type { EventRecord } from '../../events/record.ts'
import { milliseconds } from '../../kernel/duration.ts'
import { isTidingsError, TidingsError } from '../../kernel/errors.ts'
import { type Runtime, sleep } from '../../kernel/runtime.ts'
import type { CommitResult, Store } from '../../store/store.ts'
import type { Committer } from '../committer.ts'
import { refuseOtherCount } from '../ids-of-batch.ts'
import { checkPublishOptions, type PublishOptions, type PublishSettings } from '../publish-options.ts'
import type { Publisher } from '../publisher.ts'
import type { Receipt } from '../receipt.ts'
import { putTimer, readTimer, timerId, timersCollection, unchangedTimer } from './scheduled-event.ts'

export interface ScheduleHost {
  readonly store: Store
  readonly committer: Committer
  readonly publisher: Publisher
  readonly runtime: Runtime
  readonly settings: Pick<PublishSettings, 'tries' | 'retryDelay'>
  /** Something was scheduled for this time. */
  scheduled(at: number): void
}

/** When a publish is due, milliseconds since 1970; undefined: at once. Throws `TIDINGS_INVALID_OPTION`. */
export function dueOf({ delay, at }: PublishOptions, now: number): number | undefined {
  const due = at === undefined ? now + milliseconds(delay ?? 0, 'delay') : at instanceof Date ? at.getTime() : at
  return due <= now ? undefined : Math.ceil(due)
}

/**
 * Keeps events until they are due, all or none. Everything that a publish checks is checked now; what is due later is appended as it was
 * prepared, with its due time as its time where the caller names no other. Repeating it under the same ids changes nothing.
 */
export async function schedule(
  host: ScheduleHost,
  drafts: readonly EventDraft[],
  options: PublishOptions,
  due: number,
): Promise<readonly Receipt[]> {
  checkPublishOptions(options)
  refuseLater(drafts, options)
  if (drafts.length === 0) return []
  refuseOtherCount(options, drafts.length)
  const { ids, delay: _delay, at: _at, deadline, settle: _settle, timestamp = due, ...stamp } = options
  const records = await Promise.all(
    drafts.map(async (draft, at) => {
      const id = ids?.[at] ?? options.id
      return host.publisher.prepare(draft, { ...stamp, timestamp, ...(id === undefined ? {} : { id }) })
    }),
  )
  refuseEqualIds(records)
  const until = host.runtime.monotonic() + milliseconds(deadline ?? 30_000, 'deadline')
  const dues = await keep(host, records, due, until)
  host.scheduled(due)
  return records.map((record, at) => ({
    id: record.id,
    position: 0,
    streamVersion: 0,
    durability: host.store.capabilities.durability,
    matched: 0,
    scheduled: { id: timerId(record), at: dues[at] ?? due },
  }))
}

/** One document would stand for both, and the event that was put there last would be the only one. */
function refuseEqualIds(records: readonly EventRecord[]): void {
  if (new Set(records.map(timerId)).size === records.length) return
  throw new TidingsError('TIDINGS_DUPLICATE_ID', 'Some events of this batch carry the same `id`; give each its own.', {
    details: { field: 'id' },
  })
}

/** Answers when each is due: those that were kept by an earlier try keep their time. */
async function keep(
  host: ScheduleHost,
  records: readonly EventRecord[],
  due: number,
  until: number,
): Promise<readonly (number | undefined)[]> {
  const { committer, store, runtime, settings } = host
  for (let attempt = 1; ; attempt++) {
    let result: CommitResult
    try {
      result = await committer.commit({
        expect: records.map((record) => unchangedTimer({ id: timerId(record), version: 0 })),
        documents: records.map((record) => putTimer({ due, record })),
      })
    } catch (error) {
      const wait = settings.retryDelay * 2 ** (attempt - 1) * (0.8 + 0.4 * runtime.random())
      if (attempt >= settings.tries || !isAway(error) || runtime.monotonic() + wait > until) throw error
      await sleep(runtime, wait)
      continue
    }
    if (result.status === 'committed') return []
    if (result.status === 'refused') throw result.error
    const known = await Promise.all(records.map((record) => store.find(timersCollection, { id: timerId(record) })))
    if (known.every(([document]) => document !== undefined))
      return known.map(([document]) => (document === undefined ? undefined : readTimer(document).due))
    if (known.some(([document]) => document !== undefined))
      throw new TidingsError(
        'TIDINGS_DUPLICATE_ID',
        'Some events of this batch carry an `id` that is scheduled already, others do not.',
        { details: { field: 'id' } },
      )
  }
}

/** What is decided by how things stand at the publish cannot be promised for later. */
function refuseLater(
  drafts: readonly EventDraft[],
  { expectedVersion, expect, dedupKey, settle }: PublishOptions,
): void {
  const field =
    expectedVersion !== undefined || expect !== undefined
      ? expect === undefined
        ? 'expectedVersion'
        : 'expect'
      : dedupKey !== undefined || drafts.some(({ definition }) => definition?.dedup === 'content')
        ? 'dedup'
        : settle === 'broker'
          ? 'settle'
          : undefined
  if (field === undefined) return
  throw new TidingsError('TIDINGS_NOT_SUPPORTED', `\`${field}\` cannot be asked of an event that is published later.`, {
    details: { field },
  })
}

function isAway(error: unknown): boolean {
  return isTidingsError(error, 'TIDINGS_STORE_UNAVAILABLE') || isTidingsError(error, 'TIDINGS_COMMIT_UNKNOWN')
}
