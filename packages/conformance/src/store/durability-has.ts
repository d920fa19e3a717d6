import assert from 'node:assert/strict'

import type { EventRecord, Store } from 'tidings/spi'

import type { Case } from '../suite/case.ts'
import { ids, record, records, stored } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { commitAll, commitOne, commitStatus, order, placesOf, readLog } from './commits.ts'
import type { StoreWorld } from './store-world.ts'

/** For stores that declare `durability: 'store'`. */
export const durabilityHas: readonly Case<StoreWorld>[] = [
  {
    promise: 'durable',
    title: 'everything acknowledged is there after close and reopen: events, places, documents, indexes',
    run: async (world) => {
      const { store } = world
      const written = [
        ...records(world, 5),
        record(world, { data: Uint8Array.of(0, 255), encoding: 'gzip', tenant: 'é' }),
      ]
      const [placed] = await commitAll(store, [
        { append: written, documents: [{ collection: 'c', id: 'd', put: 'body', index: { n: 1 } }] },
      ])
      await store.close()
      const again = await world.reopen()
      const read = await readLog(again)
      same(
        read.map((event) => stored(event.record)),
        written.map(stored),
      )
      same(
        read.map(({ position, streamVersion }) => ({ position, streamVersion })),
        placed,
      )
      same(await again.find('c', { by: { index: 'n', equal: 1 } }), [{ id: 'd', version: 1, body: 'body' }])
    },
  },
  {
    promise: 'durable',
    title: 'versions and positions go on where they stood, and the same units are known again',
    run: async (world) => {
      const { store } = world
      const unit = { append: records(world, 3), documents: [{ collection: 'c', id: 'd', put: '1' }] }
      const first = await commitOne(store, unit)
      await store.prune({ through: first[0]?.position ?? 0, limit: 10 })
      await store.close()
      const again = await world.reopen()
      const repeated = await commitStatus(again, { append: unit.append.slice(1) })
      same(placesOf(repeated), first.slice(1))
      assert.equal((await commitStatus(again, { expect: [{ stream: order, version: 2 }] })).status, 'conflict')
      const [next] = await commitOne(again, {
        expect: [
          { stream: order, version: 3 },
          { collection: 'c', id: 'd', version: 1 },
        ],
        append: [record(world)],
      })
      assert.equal(next?.streamVersion, 4)
      assert.ok((next?.position ?? 0) > (first.at(-1)?.position ?? 0))
    },
  },
  {
    promise: 'durable',
    title: 'a position is not given again although its event was pruned before the store was closed',
    run: async (world) => {
      const last = (await commitOne(world.store, { append: records(world, 4) })).at(-1)?.position ?? 0
      await world.store.prune({ through: last, limit: 10 })
      await world.store.close()
      const again = await world.reopen()
      const [next] = await commitOne(again, { append: [record(world)] })
      assert.ok((next?.position ?? 0) > last)
      assert.equal(next?.streamVersion, 5)
    },
  },
  {
    promise: 'durable',
    title: 'what was acknowledged before the process died is there, and units are whole or absent',
    run: async (world) => {
      const { store, backend, place, volumes } = world
      const acknowledged = new Set<string>()
      const units = Array.from({ length: Math.min(100, volumes.events) }, (_, at) => ({
        append: records(world, 3, { key: `k-${at}` }),
        documents: [{ collection: 'units', id: String(at), put: '' }],
      }))
      const flying: Promise<unknown>[] = []
      let alive = true
      for (const [at, unit] of units.entries()) {
        const committed = commitOne(store, unit).then(() => {
          if (alive) for (const one of unit.append) acknowledged.add(one.id)
        })
        if (at < units.length - 5) await committed
        else flying.push(committed)
      }
      alive = false
      await backend.crash?.(store, place)
      await Promise.race([Promise.allSettled(flying), new Promise((resolve) => void setImmediate(resolve))])
      if (backend.crash === undefined && store.capabilities.sharing === 'process') await store.close()
      const again = await world.reopen()
      const found = new Set(ids(await readLog(again)))
      same(
        [...acknowledged].filter((id) => !found.has(id)),
        [],
      )
      await checkWhole(again, units)
    },
  },
]

async function checkWhole(store: Store, units: readonly { readonly append: readonly EventRecord[] }[]): Promise<void> {
  for (const [at, unit] of units.entries()) {
    const [document] = await store.find('units', { id: String(at) })
    const events = await store.readStream({ tenant: '', category: 'order', key: `k-${at}` })
    const both = [document === undefined ? 0 : 1, events.length]
    assert.ok(
      both[0] === 1 ? both[1] === unit.append.length : both[1] === 0,
      `unit ${at} is whole or absent, got ${both.join(' document, ')} events`,
    )
  }
}
