import assert from 'node:assert/strict'

import { isTidingsError, type SqlTransaction } from 'tidings/spi'

import { allEnd } from '../suite/all-end.ts'
import type { Case } from '../suite/case.ts'
import { ids, record } from '../suite/event-records.ts'
import { eventually } from '../suite/eventually.ts'
import { same } from '../suite/same.ts'
import { commitOne, commitStatus, order, placesOf, readLog } from './commits.ts'
import { createStock, insert, statement, stockIds } from './sql-tables.ts'
import type { StoreWorld } from './store-world.ts'

const hold = 30_000

/** Transactions held open; for stores that run SQL. */
export const sqlTransactions: readonly Case<StoreWorld>[] = [
  {
    promise: 'sql-transaction',
    title: 'reads its own writes, which nobody else sees, and commits them with a unit',
    run: async (world) => {
      const store = await createStock(world)
      const tx = await store.begin({ hold })
      await tx.query(insert('a'))
      same([await stockIds(tx), await stockIds(store)], [['a'], []])
      const result = await tx.commit({
        append: [record(world)],
        documents: [{ collection: 'c', id: 'd', put: '1' }],
        statements: [insert('b')],
      })
      assert.ok(result.status === 'committed' && !result.repeated)
      assert.equal(result.events[0]?.streamVersion, 1)
      same(await stockIds(store), ['a', 'b'])
      same([(await readLog(store)).length, (await store.find('c')).length], [1, 1])
      await tx.rollback()
      same(await stockIds(store), ['a', 'b'])
    },
  },
  {
    promise: 'sql-transaction',
    title: 'rolls back all of it; rolling back again is harmless',
    run: async (world) => {
      const store = await createStock(world)
      const tx = await store.begin({ hold })
      await tx.query(insert('a'))
      await tx.rollback()
      await tx.rollback()
      same(await stockIds(store), [])
      await checkUsable(world, store.begin({ hold }))
    },
  },
  {
    promise: 'sql-transaction',
    title: 'anything but committed has rolled back: a conflict, a failing statement, a used id',
    run: async (world) => {
      const store = await createStock(world)
      const used = record(world)
      await commitOne(store, { append: [used] })
      const failing = [
        { expect: [{ stream: order, version: 7 }], append: [record(world)] },
        { append: [record(world)], statements: [insert('twice'), insert('twice')] },
        { append: [record(world), used] },
      ]
      const statuses: string[] = []
      for (const unit of failing) {
        const tx = await store.begin({ hold })
        await tx.query(insert('a'))
        statuses.push((await tx.commit(unit)).status)
      }
      same(statuses, ['conflict', 'refused', 'refused'])
      same([await stockIds(store), (await readLog(store)).length], [[], 1])
    },
  },
  {
    promise: 'sql-transaction',
    title: 'a repetition has rolled back, too: nothing of it is written, what ran before included',
    run: async (world) => {
      const store = await createStock(world)
      const stands = [record(world), record(world)]
      const first = await commitStatus(store, { append: stands })
      const tx = await store.begin({ hold })
      await tx.query(insert('a'))
      const again = await tx.commit({
        // Whoever was faster has moved the stream, and the events stand all the same.
        expect: [{ stream: order, version: 0 }],
        append: stands,
        documents: [{ collection: 'c', id: 'd', put: '1' }],
        statements: [insert('b')],
      })
      assert.ok(again.status === 'committed' && again.repeated)
      same(placesOf(again), placesOf(first))
      same([await stockIds(store), await store.find('c'), (await readLog(store)).length], [[], [], 2])
      await tx.rollback()
      await checkUsable(world, store.begin({ hold }))
      same(await stockIds(store), ['usable'])
    },
  },
  {
    promise: 'sql-transaction',
    title: 'wakes those who watch when it commits',
    run: async (world) => {
      const store = await createStock(world)
      let wakes = 0
      const tx = await store.begin({ hold })
      const stop = store.watch(() => void wakes++)
      await tx.commit({ append: [record(world)] })
      await eventually(() => wakes > 0, world.patience)
      stop()
    },
  },
  {
    promise: 'sql-transaction',
    title: 'units and transactions that meet an open one take their turn without blocking the process',
    run: async (world) => {
      const store = await createStock(world)
      const tx = await store.begin({ hold })
      await tx.query(insert('a'))
      const next = store.begin({ hold })
      const unit = commitStatus(store, { append: [record(world)], statements: [insert('b')] })
      let turns = 0
      await eventually(() => ++turns > 3, world.patience)
      assert.equal((await tx.commit({})).status, 'committed')
      const second = await next
      await second.query(insert('c'))
      assert.equal((await second.commit({})).status, 'committed')
      assert.equal((await unit).status, 'committed')
      same(await stockIds(store), ['a', 'b', 'c'])
    },
  },
  {
    promise: 'sql-transaction',
    title: 'what an open transaction appends at its end lies beyond all that readers were told to have seen meanwhile',
    run: async (world) => {
      const store = await createStock(world)
      const tx = await store.begin({ hold })
      await tx.query(insert('a'))
      const others = Array.from({ length: 5 }, () => commitOne(store, { append: [record(world, { key: 'other' })] }))
      const seen: string[] = []
      let through = 0
      const follow = async (): Promise<void> => {
        const page = await store.readAll({ after: through, limit: 3 })
        seen.push(...ids(page.events))
        through = page.through
      }
      let looks = 0
      await eventually(async () => {
        await follow()
        return ++looks > 5
      }, world.patience)
      const late = record(world)
      const [result] = await allEnd([tx.commit({ append: [late] }), Promise.all(others)] as const)
      assert.equal(result.status, 'committed')
      for (let left = 10; left > 0; left--) await follow()
      same(seen, ids(await readLog(store)))
      assert.ok(seen.includes(late.id))
    },
  },
  {
    promise: 'sql-hold',
    title: 'held too long it rolls back by itself, every call rejects with TIDINGS_TX_HOLD, and others go on',
    run: async (world) => {
      const store = await createStock(world)
      const tx = await store.begin({ hold: 40 })
      await tx.query(insert('a'))
      await eventually(
        () =>
          tx.query(statement`select 1`).then(
            () => false,
            () => true,
          ),
        world.patience,
      )
      for (const call of [() => tx.query(statement`select 1`), () => tx.commit({ append: [record(world)] })]) {
        await assert.rejects(call(), (error) => isTidingsError(error, 'TIDINGS_TX_HOLD'))
      }
      await tx.rollback()
      same([await stockIds(store), await readLog(store)], [[], []])
      await checkUsable(world, store.begin({ hold }))
    },
  },
  {
    promise: 'sql-transaction',
    title: 'a signal that aborts before it begins, or while it waits its turn, rejects with the reason',
    run: async (world) => {
      const store = await createStock(world)
      const reason = new Error('changed my mind')
      await assert.rejects(store.begin({ hold, signal: AbortSignal.abort(reason) }), reason)
      const tx = await store.begin({ hold })
      const control = new AbortController()
      // Where transactions run side by side there is no turn to wait for: it begins, and is rolled back.
      const waiting = store.begin({ hold, signal: control.signal }).then(
        (other) => other.rollback().then(() => reason),
        (error: unknown) => error,
      )
      control.abort(reason)
      assert.equal(await waiting, reason)
      await tx.rollback()
      await checkUsable(world, store.begin({ hold }))
    },
  },
]

async function checkUsable({ store }: StoreWorld, begun: Promise<SqlTransaction>): Promise<void> {
  const tx = await begun
  await tx.query(insert('usable'))
  assert.equal((await tx.commit({})).status, 'committed')
  await commitOne(store, { documents: [{ collection: 'usable', id: 'yes', put: '' }] })
}
