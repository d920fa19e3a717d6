import { expect, it } from 'vitest'

import type { EventRecord } from '../events/record.ts'
import { TidingsError } from '../kernel/errors.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { CommitResult, Unit } from '../store/store.ts'
import type { Attempt } from './attempt.ts'
import { commitTransaction, type TransactionOutcome } from './commit-transaction.ts'
import type { Work } from './handled.ts'
import { type ParkedEvent, putParked } from './parked-event.ts'
import { takeOver } from './partition-state.ts'

const parked: ParkedEvent = {
  subscription: 'watcher',
  run: 0,
  stream: '\u001forder\u001f1',
  partition: 0,
  offset: 7,
  type: 'order.placed',
  eventId: 'e-7',
  state: 'retry',
  blocking: true,
  attempts: 1,
  parkedAt: 0,
}

type Commit = (unit: Unit) => Promise<CommitResult>

/** A parked event whose handler has used a transaction, and attempts at it that publish `records`. */
async function parkedEvent(records: readonly (readonly EventRecord[])[] = []): Promise<{
  readonly commit: Commit
  readonly attempt: (commit: Commit) => Promise<TransactionOutcome>
}> {
  const store = memoryStore({ partitions: 1 })
  const partition = await takeOver(store, 'watcher/0/0', 0, 'here', 0)
  await store.commit([{ documents: [putParked(parked)] }])
  const left = [...records]
  return {
    commit: async (unit) => (await store.commit([unit]))[0] as CommitResult,
    attempt(commit) {
      const item = {
        partition,
        offset: 7,
        parked,
        delivery: undefined,
        entry: undefined,
        attempts: 1,
        firstFailedAt: 0,
        held: false,
        known: undefined,
        standing: undefined,
      }
      const published = left.shift()
      const unit = (work: Work): Work => ({ ...work, records: published })
      return commitTransaction(
        store,
        virtualRuntime(),
        item,
        { transaction: { commit }, unit } as unknown as Attempt,
        {},
      )
    },
  }
}

const record = (id: string): EventRecord => ({
  id,
  source: '/app',
  type: 'order.reminded',
  version: '1.0.0',
  category: 'order',
  key: '1',
  tenant: '',
  time: 0,
  priority: 2,
  correlation: id,
  causation: '',
  context: '',
  data: '{}',
  encoding: '',
  checksum: '',
  seal: '',
})

it.each([
  ['nothing', [], ['conflict']],
  ['an id of its own', [[record('own')], [record('own')]], ['committed']],
  [
    'an id of its own and one that is drawn',
    [
      [record('own'), record('a')],
      [record('own'), record('b')],
    ],
    ['refused'],
  ],
])(
  'has the effects of a parked event once where its commit arrives only after its next attempt has begun: it publishes %s',
  async (_what, records, statuses) => {
    const { commit, attempt } = await parkedEvent(records)
    let late: Unit | undefined
    const first = await attempt((unit) => {
      late = unit
      return Promise.reject(new TidingsError('TIDINGS_COMMIT_UNKNOWN', 'The answer is lost.'))
    })
    expect(first.status).toBe('failed')
    const applied: CommitResult[] = []
    const second = await attempt(async (unit) => {
      applied.push(await commit(late as Unit))
      const result = await commit(unit)
      applied.push(result)
      return result
    })
    expect(applied.map(({ status }) => status)).toEqual(['committed', ...statuses])
    expect(second.status).toBe('committed')
  },
)
