import { expect, it } from 'vitest'

import { TidingsError } from '../kernel/errors.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { CommitResult, Unit } from '../store/store.ts'
import type { Attempt } from './attempt.ts'
import { commitTransaction, type TransactionOutcome } from './commit-transaction.ts'
import type { Work } from './handled.ts'
import { type ParkedEvent, putParked } from './parked-event.ts'
import { takeOver } from './partition-state.ts'

it('has the effects of a parked event once where its commit arrives only after its next attempt has begun', async () => {
  const store = memoryStore({ partitions: 1 })
  const partition = await takeOver(store, 'watcher/0/0', 0, 'here', 0)
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
  await store.commit([{ documents: [putParked(parked)] }])
  const attempt = (commit: (unit: Unit) => Promise<CommitResult>): Promise<TransactionOutcome> => {
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
    }
    return commitTransaction(
      store,
      virtualRuntime(),
      item,
      { transaction: { commit }, unit: (work: Work) => work } as unknown as Attempt,
      {},
    )
  }
  const commit = async (unit: Unit): Promise<CommitResult> => (await store.commit([unit]))[0] as CommitResult

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
  expect(applied.map(({ status }) => status)).toEqual(['committed', 'conflict'])
  expect(second.status).toBe('committed')
})
