import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { TidingsError } from '../kernel/errors.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { sql } from '../store/sql.ts'
import type { Store } from '../store/store.ts'
import { createTestBus } from '../testing/create-test-bus.ts'

const OrderPlaced = defineEvent('order.placed')
const OrderSeen = defineEvent('order.seen')

describe('settling', () => {
  it('makes effects true once where a commit without an answer arrives while it is repeated', async () => {
    // The first try arrives after the settler has asked what became of it, and before its repetition does.
    await using world = await createTestBus({
      faults: [
        { what: 'apply late', at: 'settle', times: 1, takes: [80, 80] },
        { what: 'delay', at: 'settle', skip: 1, times: 1, takes: [100, 100] },
      ],
    })
    const { bus, clock, published } = world
    bus.subscribe(OrderPlaced, { name: 'watcher' }, (_event, { publish }) => publish(OrderSeen, {}))
    await bus.publish(OrderPlaced, {})
    await clock.advance('5s')
    await bus.settled()
    expect(world.faults.struck).toEqual(
      new Map([
        ['apply late', 1],
        ['delay', 1],
      ]),
    )
    expect(published(OrderSeen)).toHaveLength(1)
  })
})

/** A memory store that counts the statements it would have run. */
function counting(): { readonly store: Store; readonly ran: () => number } {
  const memory = memoryStore({ partitions: 1 })
  let ran = 0
  return {
    ran: () => ran,
    store: {
      ...memory,
      capabilities: { ...memory.capabilities, sql: 'sqlite' },
      async commit(units) {
        const results = await memory.commit(units.map(({ statements: _statements, ...unit }) => unit))
        for (const [at, result] of results.entries())
          if (result.status === 'committed' && !result.repeated) ran += units[at]?.statements?.length ?? 0
        return results
      },
    },
  }
}

it('runs statements once where the late commit of many handlers meets its repetition', async () => {
  const { store, ran } = counting()
  await using world = await createTestBus({
    store,
    faults: [
      // While the first is settled the other two end, and travel together.
      { what: 'delay', at: 'checkpoint', times: 1, takes: [10, 10] },
      { what: 'apply late', at: 'settle', times: 1, takes: [80, 80] },
      { what: 'delay', at: 'settle', skip: 1, times: 1, takes: [100, 100] },
    ],
  })
  const { bus, clock, published } = world
  bus.subscribe(OrderPlaced, { name: 'watcher' }, (event, { publish, write }) => {
    const { id } = event.data as { id: string }
    if (id === 'first') return undefined
    if (id === 'plain') return Promise.resolve()
    write(sql`UPDATE counter SET n = n + 1`)
    return publish(OrderSeen, {}, { id: `seen-${event.id}` })
  })
  await bus.publish(['first', 'plain', 'writing'].map((id) => OrderPlaced.create({ id })))
  await clock.advance('5s')
  await bus.settled()
  expect(Object.fromEntries(world.faults.struck)).toEqual({ 'apply late': 1, delay: 2 })
  expect({ seen: published(OrderSeen).length, ran: ran() }).toEqual({ seen: 1, ran: 1 })
})

describe('settling what an inline listener has done', () => {
  it('does not take the late arrival of its own commit for somebody else', async () => {
    const memory = memoryStore({ partitions: 1 })
    await using world = await createTestBus({
      store: { ...memory, capabilities: { ...memory.capabilities, durability: 'store' } },
    })
    const { bus, clock, published } = world
    bus.subscribe(OrderPlaced, { name: 'watcher', mode: 'inline' }, (_event, { publish }) => publish(OrderSeen, {}))
    await bus.start()
    world.faults.add({ what: 'apply late', at: 'checkpoint', times: 1, takes: [80, 80] })
    world.faults.add({ what: 'delay', at: 'checkpoint', skip: 1, times: 1, takes: [100, 100] })
    await bus.publish(OrderPlaced, {})
    await clock.advance('500ms')
    await bus.publish(OrderPlaced, {})
    await clock.advance('20s')
    await bus.settled()
    expect(world.faults.struck.get('apply late')).toBe(1)
    expect(published(OrderSeen)).toHaveLength(2)
  })
})

it('does not take what a new owner has written for its own commit, however the two are read', async () => {
  const memory = memoryStore({ partitions: 1 })
  let failing = true
  let taking = false
  const documentOf = async (collection: string) => (await memory.find(collection, { prefix: 'watcher/0/' }))[0]
  const store: Store = {
    ...memory,
    async commit(units) {
      if (!failing || !units.some((unit) => unit.append?.some(({ type }) => type === OrderSeen.type)))
        return memory.commit(units)
      // Nothing of it is applied, and nobody says so.
      failing = false
      taking = true
      throw new TidingsError('TIDINGS_COMMIT_UNKNOWN', 'no answer')
    },
    async find(collection, query) {
      const found = await memory.find(collection, query)
      if (!taking || (collection !== 'fences' && collection !== 'checkpoints')) return found
      // Between the first and the second look another instance takes the partition over, and gets on with it.
      taking = false
      for (const name of ['fences', 'checkpoints']) {
        const { id = 'watcher/0/0', body = '{"watermark":0,"done":[]}' } = (await documentOf(name)) ?? {}
        await memory.commit([{ documents: [{ collection: name, id, put: body }] }])
      }
      return found
    },
  }
  await using world = await createTestBus({ store })
  const { bus, clock, published } = world
  bus.subscribe(OrderPlaced, { name: 'watcher' }, (_event, { publish }) => publish(OrderSeen, {}))
  await bus.publish(OrderPlaced, {})
  await clock.advance('1m')
  expect({ failing, taking }).toEqual({ failing: false, taking: false })
  expect(published(OrderSeen)).toHaveLength(1)
})
