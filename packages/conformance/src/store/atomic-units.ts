import assert from 'node:assert/strict'

import type { Unit } from 'tidings/spi'

import { allEnd } from '../suite/all-end.ts'
import type { Topic } from '../suite/case.ts'
import { ids, record, records } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { commitOne, order, orderStream, readLog } from './commits.ts'
import type { StoreWorld } from './store-world.ts'

export const atomicUnits: Topic<StoreWorld> = {
  name: 'atomic units',
  cases: [
    {
      promise: 'atomic',
      title: 'a unit that conflicts writes neither events nor documents, and its neighbours commit',
      run: async (world) => {
        const failing = (): Unit => ({
          expect: [{ stream: orderStream('nobody'), version: 7 }],
          append: records(world, 2, { key: 'failing' }),
          documents: [
            { collection: 'd', id: 'failing', put: '1' },
            { delete: true, collection: 'd', id: 'kept' },
          ],
        })
        await checkNeighbours(world, failing, 'conflict')
      },
    },
    {
      promise: 'atomic',
      title: 'a unit that is refused for a used id writes nothing, and its neighbours commit',
      run: async (world) => {
        const used = record(world, { key: 'used' })
        await commitOne(world.store, { append: [used] })
        const failing = (): Unit => ({
          append: [record(world, { key: 'failing' }), used],
          documents: [
            { collection: 'd', id: 'failing', put: '1' },
            { delete: true, collection: 'd', id: 'kept' },
          ],
        })
        await checkNeighbours(world, failing, 'refused')
      },
    },
    {
      promise: 'atomic',
      title: 'the last of several preconditions fails the whole unit as the first does',
      run: async (world) => {
        const { store } = world
        const placed = await store.commit([
          {
            expect: [
              { stream: order, version: 0 },
              { collection: 'd', id: 'a', version: 0 },
              { collection: 'd', id: 'b', version: 1 },
            ],
            append: records(world, 3),
            documents: [{ collection: 'd', id: 'a', put: '1' }],
          },
        ])
        assert.equal(placed[0]?.status, 'conflict')
        same([await readLog(store), await store.find('d')], [[], []])
      },
    },
    {
      promise: 'atomic',
      title: 'events and documents of one unit are seen together',
      run: async (world) => {
        const { store, volumes } = world
        const writes = Math.min(60, volumes.events)
        const writing = { left: writes }
        const read = async (): Promise<void> => {
          while (writing.left > 0) {
            const before = Number((await store.find('count', { id: 'one' }))[0]?.body ?? 0)
            const events = (await readLog(store)).length
            const after = Number((await store.find('count', { id: 'one' }))[0]?.body ?? 0)
            assert.ok(before <= events && events <= after, `${before} ≤ ${events} ≤ ${after}`)
            await new Promise((resolve) => void setImmediate(resolve))
          }
        }
        const write = async (): Promise<void> => {
          try {
            for (let at = 1; at <= writes; at++) {
              await commitOne(store, {
                append: [record(world)],
                documents: [{ collection: 'count', id: 'one', put: String(at) }],
              })
            }
          } finally {
            writing.left = 0
          }
        }
        await allEnd([read(), write()])
      },
    },
  ],
}

/** Puts the failing unit at each place of a call of five and looks at what is left. */
async function checkNeighbours(world: StoreWorld, failing: () => Unit, status: 'conflict' | 'refused'): Promise<void> {
  const { store } = world
  await commitOne(store, { documents: [{ collection: 'd', id: 'kept', put: 'kept' }] })
  const expected = ids(await readLog(store))
  for (let place = 0; place < 5; place++) {
    const units = Array.from({ length: 5 }, (_, at): Unit => {
      if (at === place) return failing()
      const append = [record(world, { key: `neighbour-${at}` })]
      expected.push(...append.map((one) => one.id))
      return { append, documents: [{ collection: 'neighbours', id: `${place}-${at}`, put: 'here' }] }
    })
    const results = await store.commit(units)
    same(
      results.map((result) => result.status),
      units.map((_, at) => (at === place ? status : 'committed')),
    )
  }
  same(ids(await readLog(store)), expected)
  same(await store.readStream(orderStream('failing')), [])
  same(
    (await store.find('d')).map((one) => one.id),
    ['kept'],
  )
  assert.equal((await store.find('neighbours')).length, 20)
}
