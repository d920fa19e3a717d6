import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { TidingsError } from '../kernel/errors.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { sql } from '../store/sql.ts'
import type { Store } from '../store/store.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import type { Attempt } from './attempt.ts'

const OrderPlaced = defineEvent('order.placed', { key: (data) => (data as { id?: string }).id ?? 'one' })
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

describe('settling what many handlers do to one document', () => {
  /** Reads the document, and puts it back with one more, as a projection does. */
  const counted = async (commits: { n: number }): Promise<number> => {
    const memory = memoryStore({ partitions: 1 })
    const store: Store = {
      ...memory,
      async commit(units) {
        commits.n += units.filter(({ documents }) =>
          documents?.some(({ collection }) => collection === 'checkpoints'),
        ).length
        return memory.commit(units)
      },
    }
    await using world = await createTestBus({ store })
    const { bus, clock } = world
    bus.subscribe(OrderPlaced, { name: 'counter', concurrency: 100 }, async (_event, context) => {
      const [document] = await memory.find('sums', { id: 'all' })
      ;(context as unknown as Attempt).join({
        expect: [{ collection: 'sums', id: 'all', version: document?.version ?? 0 }],
        documents: [{ collection: 'sums', id: 'all', put: String(Number(document?.body ?? 0) + 1) }],
      })
    })
    await bus.start()
    await bus.publish(Array.from({ length: 40 }, (_, n) => OrderPlaced.create({ id: `o-${n}` })))
    await clock.advance('20s')
    await bus.settled()
    return Number((await memory.find('sums', { id: 'all' }))[0]?.body)
  }

  it('asks the store once for each that is not beaten', async () => {
    const commits = { n: 0 }
    expect(await counted(commits)).toBe(40)
    // One for each, and a few checkpoints: not one for each that was beaten, each time.
    expect(commits.n).toBeLessThan(60)
  })
})

describe('settling beside somebody else', () => {
  it('takes back only those who expect what has been changed', async () => {
    const memory = memoryStore({ partitions: 1 })
    let commits = 0
    let interfere = true
    const store: Store = {
      ...memory,
      async commit(units) {
        if (units.some(({ documents }) => documents?.some(({ collection }) => collection === 'sums') === true)) {
          commits++
          if (interfere) await memory.commit([{ documents: [{ collection: 'sums', id: 'o-7', put: '100' }] }])
          interfere = false
        }
        return memory.commit(units)
      },
    }
    await using world = await createTestBus({ store })
    const { bus, clock } = world
    bus.subscribe(OrderPlaced, { name: 'counter', concurrency: 100 }, async (event, context) => {
      const { id } = event.data as { id: string }
      const [document] = await memory.find('sums', { id })
      ;(context as unknown as Attempt).join({
        expect: [{ collection: 'sums', id, version: document?.version ?? 0 }],
        documents: [{ collection: 'sums', id, put: String(Number(document?.body ?? 0) + 1) }],
      })
    })
    await bus.start()
    await bus.publish(Array.from({ length: 40 }, (_, n) => OrderPlaced.create({ id: `o-${n}` })))
    await clock.advance('5s')
    await bus.settled()
    const sums = new Map((await memory.find('sums', { limit: 100 })).map(({ id, body }) => [id, body]))
    expect([sums.size, sums.get('o-7'), sums.get('o-8')]).toEqual([40, '101', '1'])
    expect(commits).toBeLessThanOrEqual(4)
  })

  it('keeps what has read a change whose answer is still on its way', async () => {
    const memory = memoryStore({ partitions: 1 })
    const wait = (ms: number): Promise<void> => new Promise((resolve) => void world.clock.runtime.setTimer(ms, resolve))
    const store: Store = {
      ...memory,
      async commit(units) {
        const results = await memory.commit(units)
        if (units.some(({ documents }) => documents?.some(({ collection }) => collection === 'sums') === true))
          await wait(50)
        return results
      },
    }
    await using world = await createTestBus({ store })
    const { bus, clock } = world
    const sum = async () => (await memory.find('sums', { id: 'all' }))[0]
    const handled: string[] = []
    bus.subscribe(OrderPlaced, { name: 'counter', concurrency: 100 }, async (event, context) => {
      const { id } = event.data as { id: string }
      handled.push(id)
      if (id === 'second') while ((await sum()) === undefined) await wait(10)
      const document = await sum()
      ;(context as unknown as Attempt).join({
        expect: [{ collection: 'sums', id: 'all', version: document?.version ?? 0 }],
        documents: [{ collection: 'sums', id: 'all', put: String(Number(document?.body ?? 0) + 1) }],
      })
    })
    await bus.start()
    await bus.publish(['first', 'second'].map((id) => OrderPlaced.create({ id })))
    await clock.advance('5s')
    await bus.settled()
    expect((await sum())?.body).toBe('2')
    expect(handled).toEqual(['first', 'second'])
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
