import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import type { Store } from '../store/store.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { type DeleteStreamOptions, deleteStream } from './delete-stream.ts'
import { removeAllGone } from './remove-gone.ts'
import { readNote } from './stream-note.ts'

const Moved = defineEvent<{ readonly sku: string; readonly by: number }>('stock.moved', { key: ({ sku }) => sku })

const versions = async (events: Promise<readonly { readonly streamVersion: number }[]>): Promise<readonly number[]> =>
  (await events).map(({ streamVersion }) => streamVersion)

describe('deleting a stream', () => {
  it('takes its events out of the log, and lets its versions count on', async () => {
    await using world = await createTestBus()
    const { bus } = world
    for (const by of [1, 2, 3]) await bus.publish(Moved, { sku: 'tea', by })
    await bus.publish(Moved, { sku: 'rum', by: 1 })
    expect(await bus.store.deleteStream('stock:tea')).toEqual({ removed: 3, version: 3 })
    expect(await versions(bus.store.getEvents('stock/tea'))).toEqual([])
    expect(await versions(bus.store.getEvents('stock/rum'))).toEqual([1])
    await expect(bus.publish(Moved, { sku: 'tea', by: 4 }, { expectedVersion: 0 })).rejects.toMatchObject({
      code: 'TIDINGS_CONFLICT',
      details: { actual: 3 },
    })
    expect(await bus.publish(Moved, { sku: 'tea', by: 4 }, { expectedVersion: 3 })).toMatchObject({ streamVersion: 4 })
    expect(await versions(bus.store.getEvents('stock/tea'))).toEqual([4])
    expect(await bus.store.deleteStream('stock/tea')).toEqual({ removed: 1, version: 4 })
    expect(await bus.store.deleteStream('stock/tea')).toEqual({ removed: 0, version: 4 })
    expect(await bus.store.deleteStream('stock/nothing')).toEqual({ removed: 0, version: 0 })
  })

  it('is refused where the stream does not stand at the version asked for', async () => {
    await using world = await createTestBus()
    const { bus } = world
    await bus.publish(Moved, { sku: 'tea', by: 1 })
    await expect(bus.store.deleteStream('stock/tea', { expectedVersion: 2 })).rejects.toMatchObject({
      code: 'TIDINGS_CONFLICT',
      details: { expected: 2, actual: 1 },
    })
    expect(await versions(bus.store.getEvents('stock/tea'))).toEqual([1])
    await bus.store.deleteStream('stock/tea', { expectedVersion: 1 })
    await expect(bus.store.deleteStream('stock/tea', { expectedVersion: 0 })).rejects.toMatchObject({
      details: { expected: 0, actual: 1 },
    })
  })

  it('is refused while a subscription has still to handle one of its events, unless that is meant', async () => {
    await using world = await createTestBus()
    const { bus } = world
    bus.subscribe(Moved, { name: 'books', retry: { tries: 1 }, onPoison: 'park' }, () => {
      throw new Error('closed')
    })
    await bus.publish(Moved, { sku: 'tea', by: 1 })
    await bus.settled()
    await expect(bus.store.deleteStream('stock/tea')).rejects.toMatchObject({
      code: 'TIDINGS_CONFLICT',
      details: { field: 'unread' },
    })
    expect(await bus.store.deleteStream('stock/tea', { unread: 'delete' })).toEqual({ removed: 1, version: 1 })
  })

  it('is true from its commit on, and finished by others where its process dies before all is removed', async () => {
    await using world = await createTestBus()
    const { bus, store } = world
    for (const by of [1, 2, 3]) await bus.publish(Moved, { sku: 'tea', by })
    const dying: Store = { ...store, prune: () => Promise.reject(new Error('killed')) }
    const stream = { tenant: '', category: 'stock', key: 'tea' }
    await expect(deleteStream(dying, stream)).rejects.toThrow('killed')
    expect(await store.readStream(stream)).toHaveLength(3)
    expect(await versions(bus.store.getEvents('stock/tea'))).toEqual([])
    expect(await versions(collect(bus.store.readStream('stock/tea', { reverse: true })))).toEqual([])
    await bus.publish(Moved, { sku: 'tea', by: 4 })
    await removeAllGone(store)
    expect((await store.readStream(stream)).map(({ streamVersion }) => streamVersion)).toEqual([4])
    expect((await readNote(store, stream)).note).not.toHaveProperty('removing')
  })

  it('looks again where somebody writes to it in between', async () => {
    await using world = await createTestBus()
    const { bus, store } = world
    await bus.publish(Moved, { sku: 'tea', by: 1 })
    const stream = { tenant: '', category: 'stock', key: 'tea' }
    let writes = 2
    const busy: Store = {
      ...store,
      find: async (...query) => {
        if (query[0] === 'snapshots' && writes-- > 0) await bus.publish(Moved, { sku: 'tea', by: 9 })
        return store.find(...query)
      },
    }
    expect(await deleteStream(busy, stream)).toEqual({ removed: 3, version: 3 })
  })

  it.each([
    ['tea', {}, 'TIDINGS_INVALID_OPTION', 'stream'],
    ['a/b/c/d', {}, 'TIDINGS_INVALID_OPTION', 'stream'],
    ['stock/', {}, 'TIDINGS_INVALID_EVENT', 'stream.key'],
    [7, {}, 'TIDINGS_INVALID_OPTION', 'stream'],
    [{ category: 'stock' }, {}, 'TIDINGS_INVALID_EVENT', 'stream.key'],
    ['stock/tea', { expectedVersion: -1 }, 'TIDINGS_INVALID_OPTION', 'expectedVersion'],
    ['stock/tea', { unread: 'maybe' }, 'TIDINGS_INVALID_OPTION', 'unread'],
  ])('refuses %j with %j by its field', async (stream, options, code, field) => {
    await using world = await createTestBus()
    await expect(world.bus.store.deleteStream(stream as string, options as DeleteStreamOptions)).rejects.toMatchObject({
      code,
      details: { field },
    })
  })
})

async function collect<One>(all: AsyncIterable<One>): Promise<readonly One[]> {
  const list: One[] = []
  for await (const one of all) list.push(one)
  return list
}
