import { afterEach, describe, expect, it } from 'vitest'

import { append, cleanUp, file, open, record, records } from '../../tests/sqlite-world.ts'

afterEach(cleanUp)

describe('prune', () => {
  it('goes through a long log in steps that let others in between', { timeout: 30_000 }, async () => {
    const store = await open(':memory:')
    const rare = new Set([5, 20_500, 21_999])
    await append(
      store,
      ...records(22_000, (at) => ({ key: `k-${at % 10}`, type: rare.has(at) ? 'rare' : 'common', fresh: true })),
    )
    const order: string[] = []
    const pruning = store.prune({ through: 22_000, types: ['rare'], limit: 3 }).then((result) => {
      order.push('pruned')
      return result
    })
    for (const name of ['one', 'two']) {
      await append(store, record())
      order.push(name)
    }
    expect(await pruning).toEqual({ removed: 3, more: false })
    expect(order[0]).toBe('one')
    expect((await store.readAll({ after: 0, limit: 10, types: ['rare'] })).events).toEqual([])
  })

  it('says whether more may match where the limit ends a step', async () => {
    const store = await open(file())
    await append(store, ...records(5))
    expect(await store.prune({ through: 4, limit: 4 })).toEqual({ removed: 4, more: false })
    expect(await store.prune({ through: 5, limit: 0 })).toEqual({ removed: 0, more: true })
    expect(await store.prune({ through: 9, limit: 1 })).toEqual({ removed: 1, more: false })
  })

  it('finds the events of one stream however far apart they stand', { timeout: 30_000 }, async () => {
    const store = await open(':memory:')
    await append(
      store,
      record({ key: 'kept' }),
      ...records(21_000, () => ({ key: 'other', fresh: true })),
      record({ key: 'kept' }),
    )
    const stream = { tenant: '', category: 'order', key: 'kept' }
    expect(await store.prune({ through: 30_000, stream, limit: 1 })).toEqual({ removed: 1, more: true })
    expect(await store.prune({ through: 30_000, stream, limit: 1 })).toEqual({ removed: 1, more: false })
    expect((await append(store, record({ key: 'kept' })))[0]).toEqual({ position: 21_003, streamVersion: 3 })
  })

  it('keeps counting where the file is opened anew', async () => {
    const path = file()
    const store = await open(path)
    await append(store, ...records(3))
    await store.prune({ through: 3, limit: 10 })
    await store.close()
    const again = await open(path)
    expect(await again.readAll({ after: 0, limit: 10 })).toEqual({ events: [], through: 3 })
    expect((await append(again, record()))[0]).toEqual({ position: 4, streamVersion: 4 })
  })
})
