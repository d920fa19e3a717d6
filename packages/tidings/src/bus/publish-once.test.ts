import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { sleep } from '../kernel/runtime.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { SqlStore } from '../store/sql-store.ts'
import type { Store, Unit } from '../store/store.ts'
import { createTestBus } from '../testing/create-test-bus.ts'

const Placed = defineEvent<{ readonly id: string; readonly n: number }>('order.placed')
const Billed = defineEvent<{ readonly id: string }>('order.billed', { dedup: 'content' })

/** A store in memory whose transactions hold their changes until they commit. */
function transactional(): Store & SqlStore {
  const store = memoryStore()
  return {
    ...store,
    begin: async () => ({
      query: async () => [],
      commit: async (unit: Unit) => (await store.commit([unit]))[0] as never,
      rollback: async () => {},
    }),
    capabilities: { ...store.capabilities, sql: 'sqlite' },
  } as unknown as Store & SqlStore
}

describe('an event whose type asks for each content once', () => {
  it.each([
    ['queued', 'write'],
    ['queued', 'tx'],
    ['inline', 'write'],
    ['inline', 'tx'],
  ] as const)('is published once by handlers, who learn of the first: %s, %s', async (mode, way) => {
    await using world = await createTestBus({ store: transactional() })
    const { bus, clock, published } = world
    const told: unknown[] = []
    bus.subscribe(Placed, { name: 'billing', mode, retry: { tries: 1 } }, async ({ data: { id } }, { publish, tx }) => {
      if (way === 'tx') await tx.sql`select 1`
      told.push(...(await Promise.all([publish(Billed, { id }), publish(Billed, { id })])))
    })
    for (const n of [1, 2]) await bus.publish(Placed, { id: 'o-1', n })
    await clock.advance('5s')
    await bus.settled()
    const [first] = published(Billed)
    expect(published(Billed)).toHaveLength(1)
    const repeated = { id: first?.id, duplicateOf: first?.id }
    expect(told).toEqual([{ id: first?.id }, repeated, repeated, repeated])
    expect(world.parked()).toEqual([])
  })

  it.each(['write', 'tx'] as const)(
    'is published once by handlers that race, and costs the slower no attempt: %s',
    async (way) => {
      await using world = await createTestBus({ store: transactional() })
      const { bus, clock, published } = world
      const told: unknown[] = []
      bus.subscribe(
        Placed,
        { name: 'billing', order: 'none', retry: { tries: 1 } },
        async ({ data: { n } }, { publish, tx, attempt }) => {
          if (way === 'tx') await tx.sql`select 1`
          const { duplicateOf } = await publish(Billed, { id: 'o-1' })
          told.push([n, attempt, duplicateOf === undefined])
          await sleep(clock.runtime, 10)
        },
      )
      await bus.publish([1, 2, 3].map((n) => Placed.create({ id: `o-${n}`, n })))
      await clock.advance('1m')
      await bus.settled()
      expect(published(Billed)).toHaveLength(1)
      expect(told).toHaveLength(5)
      expect(told.slice(3).every((line) => JSON.stringify(line).endsWith(',1,false]'))).toBe(true)
      expect(world.parked()).toEqual([])
    },
  )

  it('is published once by transactions, and the slower of two that race is refused', async () => {
    await using world = await createTestBus({ store: transactional() })
    const { bus, published } = world
    const first = await bus.transaction(({ publish }) =>
      Promise.all([publish(Billed, { id: 'o-1' }), publish(Billed, { id: 'o-1' })]),
    )
    expect(first[1]).toEqual({ id: first[0].id, duplicateOf: first[0].id })
    expect(await bus.publish(Billed, { id: 'o-1' })).toMatchObject({ duplicateOf: first[0].id })
    const racing = await Promise.allSettled(
      [1, 2].map(() =>
        bus.transaction(async ({ publish }) => {
          await publish(Billed, { id: 'o-2' })
          for (let turn = 0; turn < 10; turn++) await Promise.resolve()
        }),
      ),
    )
    expect(racing.map((one) => (one.status === 'rejected' ? (one.reason as { code: string }).code : 'done'))).toEqual([
      'done',
      'TIDINGS_CONFLICT',
    ])
    expect(published(Billed).map(({ data }) => data.id)).toEqual(['o-1', 'o-2'])
  })
})

it('handlers publish beside the rate limit: what they say is part of what was let in', async () => {
  const Seen = defineEvent<{ readonly n: number }>('order.seen')
  await using world = await createTestBus({ publish: { rate: 1 } })
  const { bus, clock, published } = world
  bus.subscribe(Placed, { name: 'watcher' }, async (_event, { publish }) => {
    for (let n = 0; n < 50; n++) await publish(Seen, { n })
  })
  const began = clock.now()
  await bus.publish(Placed, { id: 'o-1', n: 1 })
  await bus.settled()
  expect({ seen: published(Seen).length, took: clock.now() - began }).toEqual({ seen: 50, took: 0 })
})
