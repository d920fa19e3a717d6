import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'

const Moved = defineEvent<{ readonly sku: string; readonly by: number }>('stock.moved', { key: ({ sku }) => sku })

const both = [Moved.create({ sku: 'tea', by: -1 }), Moved.create({ sku: 'rum', by: 1 })]
const at = (tea: number, rum: number) => [
  { category: 'stock', key: 'tea', version: tea },
  { category: 'stock', key: 'rum', version: rum },
]

describe('a batch with one expected version per stream', () => {
  it('is written whole where all hold, and not at all where one does not', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    await bus.publish(both, { expect: at(0, 0) })
    await expect(bus.publish(both, { expect: at(1, 0) })).rejects.toMatchObject({
      code: 'TIDINGS_CONFLICT',
      details: { category: 'stock', expected: 0, actual: 1 },
    })
    expect(published()).toHaveLength(2)
    await bus.publish(both, { expect: at(1, 1) })
    expect(published()).toHaveLength(4)
  })

  it('may stand on a stream that it only reads', async () => {
    await using world = await createTestBus()
    const { bus } = world
    await bus.publish(Moved, { sku: 'tea', by: 5 })
    const draft = Moved.create({ sku: 'rum', by: 1 })
    await expect(bus.publish(draft, { expect: at(0, 0) })).rejects.toMatchObject({ code: 'TIDINGS_CONFLICT' })
    await expect(bus.publish(draft, { expect: at(1, 0) })).resolves.toMatchObject({ streamVersion: 1 })
  })

  it('means the streams of its own tenant, unless another is named', async () => {
    await using world = await createTestBus()
    const { bus } = world
    await bus.publish(both, { tenantId: 'acme', expect: at(0, 0) })
    await expect(bus.publish(both, { tenantId: 'acme', expect: at(0, 0) })).rejects.toMatchObject({
      code: 'TIDINGS_CONFLICT',
    })
    await bus.publish(both, { tenantId: 'other', expect: at(0, 0) })
    const elsewhere = [{ category: 'stock', key: 'tea', tenantId: 'acme', version: 1 }]
    await expect(bus.publish(both, { expect: elsewhere })).resolves.toHaveLength(2)
  })

  it('answers as the first time when it is repeated with the same ids', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    const options = { expect: at(0, 0), ids: ['m-1', 'm-2'] }
    const first = await bus.publish(both, options)
    const again = await bus.publish(both, options)
    expect(again.map(({ id, position }) => [id, position])).toEqual(first.map(({ id, position }) => [id, position]))
    expect(published().map(({ id }) => id)).toEqual(['m-1', 'm-2'])
    await expect(bus.publish(both, { ids: ['m-1', 'm-3'] })).rejects.toMatchObject({ code: 'TIDINGS_DUPLICATE_ID' })
  })

  it.each([
    [{ expect: 'tea' }, 'expect'],
    [{ expect: [{ category: 'stock', key: 'tea', version: -1 }] }, 'expect[0].version'],
    [{ expect: [{ category: 'stock', key: 'tea', version: 1.5 }] }, 'expect[0].version'],
    [{ expect: [{ category: 'stock', version: 1 }] }, 'expect[0].key'],
    [{ expect: [{ key: 'tea', version: 1 }] }, 'expect[0].category'],
    [{ expect: [null] }, 'expect[0].category'],
    [{ expect: at(0, 0), expectedVersion: 0 }, 'expect'],
    [{ ids: ['a'] }, 'ids'],
    [{ ids: ['a', 'a'] }, 'ids'],
    [{ ids: ['a', 'b'], id: 'c' }, 'ids'],
    [{ ids: ['a', ''] }, 'id'],
    [{ expect: at(0, 0), delay: 1_000 }, 'expect'],
  ])('refuses %j by its field', async (options, field) => {
    await using world = await createTestBus()
    const refused = world.bus.publish(both, options as never)
    await expect(refused).rejects.toMatchObject({ details: { field } })
    expect(world.published()).toEqual([])
  })
})
