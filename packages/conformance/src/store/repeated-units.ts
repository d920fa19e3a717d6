import assert from 'node:assert/strict'

import { type CommitResult, isTidingsError, type Unit } from 'tidings/spi'

import type { Topic } from '../suite/case.ts'
import { ids, record, records } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { commitOne, commitStatus, order, placesOf, readLog } from './commits.ts'
import type { StoreWorld } from './store-world.ts'

export const repeatedUnits: Topic<StoreWorld> = {
  name: 'repeated units',
  cases: [
    {
      promise: 'repeat',
      title: 'the same ids again are answered as the first time, and nothing changes',
      run: async (world) => {
        const { store } = world
        const unit: Unit = {
          expect: [{ stream: order, version: 0 }],
          append: records(world, 3),
          documents: [{ collection: 'd', id: 'one', put: '1' }],
        }
        const first = await commitStatus(store, unit)
        assert.equal(repeatedIn(first), false)
        await commitOne(store, { append: [record(world)], documents: [{ collection: 'd', id: 'one', put: '2' }] })
        const again = await commitStatus(store, unit)
        assert.equal(repeatedIn(again), true)
        same(placesOf(again), placesOf(first))
        assert.equal((await readLog(store)).length, 4)
        same(await store.find('d'), [{ id: 'one', version: 2, body: '2' }])
      },
    },
    {
      promise: 'repeat',
      title: 'a unit whose answer was lost is known again, also where its ids were fresh at first',
      run: async (world) => {
        const { store } = world
        const fresh = records(world, 3, { fresh: true })
        const first = await commitOne(store, { append: fresh })
        const again = await commitStatus(store, { append: fresh.map((one) => ({ ...one, fresh: false })) })
        assert.equal(repeatedIn(again), true)
        same(placesOf(again), first)
        assert.equal((await readLog(store)).length, 3)
      },
    },
    {
      promise: 'repeat',
      title: 'twice in one call counts once',
      run: async (world) => {
        const { store } = world
        const unit = { append: records(world, 2) }
        const results = await store.commit([unit, { append: [record(world)] }, unit])
        same(results.map(repeatedIn), [false, false, true])
        same(placesOf(results[2] as CommitResult), placesOf(results[0] as CommitResult))
        assert.equal((await readLog(store)).length, 3)
      },
    },
    {
      promise: 'repeat',
      title: 'many callers at once with one unit store it once and hear the same',
      run: async (world) => {
        const { store, volumes } = world
        const unit = { append: records(world, 2) }
        const results = await Promise.all(Array.from({ length: volumes.writers }, () => commitStatus(store, unit)))
        assert.equal(results.filter((result) => repeatedIn(result) === false).length, 1)
        for (const result of results) same(placesOf(result), placesOf(results[0] as CommitResult))
        same(
          ids(await readLog(store)),
          unit.append.map((one) => one.id),
        )
      },
    },
    {
      promise: 'repeat',
      title: 'some ids known and others new is refused with TIDINGS_DUPLICATE_ID, whichever comes first',
      run: async (world) => {
        const { store } = world
        const [known, ...others] = records(world, 3)
        assert.ok(known)
        await commitOne(store, { append: [known] })
        for (const append of [
          [known, ...others],
          [...others, known],
        ])
          await checkDuplicate(world, { append })
        await checkDuplicate(world, { append: [record(world, { fresh: true }), known] })
        same(ids(await readLog(store)), [known.id])
        await commitOne(store, { append: others })
      },
    },
    {
      promise: 'repeat',
      title: 'one id twice inside a unit is refused with TIDINGS_DUPLICATE_ID',
      run: async (world) => {
        const one = record(world)
        await checkDuplicate(world, { append: [one, record(world), one] })
        same(await readLog(world.store), [])
      },
    },
    {
      promise: 'repeat',
      title: 'an id belongs to its source: the same id of another source is another event',
      run: async (world) => {
        const { store } = world
        const one = record(world)
        const other = { ...one, source: '/elsewhere' }
        await commitOne(store, { append: [one] })
        assert.equal(repeatedIn(await commitStatus(store, { append: [other] })), false)
        const colliding = [record(world, { id: 'b c', source: 'a' }), record(world, { id: 'c', source: 'a b' })]
        await commitOne(store, { append: colliding })
        assert.equal((await readLog(store)).length, 4)
      },
    },
  ],
}

function repeatedIn(result: CommitResult): boolean | string {
  return result.status === 'committed' ? result.repeated : result.status
}

async function checkDuplicate({ store }: StoreWorld, unit: Unit): Promise<void> {
  const result = await commitStatus(store, unit)
  assert.equal(result.status, 'refused')
  const { error } = result as CommitResult & { status: 'refused' }
  assert.ok(isTidingsError(error, 'TIDINGS_DUPLICATE_ID'), `expected TIDINGS_DUPLICATE_ID, got ${error.message}`)
}
