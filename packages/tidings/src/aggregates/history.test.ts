import { describe, expect, it } from 'vitest'

import { createEventBus } from '../bus/create-event-bus.ts'
import { defineEvent } from '../events/define-event.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { decide } from './decide.ts'
import { defineAggregate } from './define-aggregate.ts'
import { load } from './load.ts'

const Old = defineEvent<{ readonly id: string; readonly amount: number }>('account.paid')
const Paid = defineEvent<{ readonly id: string; readonly cents: number }>('account.paid', {
  version: '2.0.0',
  upcasters: { '1.0.0': ({ id, amount }: { id: string; amount: number }) => ({ id, cents: amount * 100 }) },
})
const Newer = defineEvent<{ readonly id: string; readonly mills: number }>('account.paid', { version: '3.0.0' })
const Closed = defineEvent<{ readonly id: string }>('account.closed')

const account = defineAggregate('account', {
  initial: { cents: 0 },
  on: [Paid],
  evolve: (state, { data }) => ({ cents: state.cents + data.cents }),
})

describe('history', () => {
  it('of older versions passes the upcasters', async () => {
    await using world = await createTestBus()
    const { bus } = world
    await bus.publish(Old, { id: 'a', amount: 3 })
    expect(await decide(bus, account, 'a', () => Paid.create({ id: 'a', cents: 5 }))).toMatchObject({
      state: { cents: 305 },
      version: 2,
    })
  })

  it('of a newer version, or of an unknown type, is an error and not a wrong state', async () => {
    await using world = await createTestBus()
    const { bus } = world
    await bus.publish(Newer, { id: 'a', mills: 3 })
    await bus.publish(Closed, { id: 'b' })
    await expect(load(bus, account, 'a')).rejects.toMatchObject({ code: 'TIDINGS_UPGRADE_NEEDED' })
    await expect(load(bus, account, 'b')).rejects.toMatchObject({
      code: 'TIDINGS_UPGRADE_NEEDED',
      details: { type: 'account.closed', streamVersion: 1, reason: 'unknown-type' },
    })
    await expect(decide(bus, account, 'a', () => Paid.create({ id: 'a', cents: 1 }))).rejects.toMatchObject({
      code: 'TIDINGS_UPGRADE_NEEDED',
    })
    const all = defineAggregate('account', { initial: 0, evolve: (n) => n + 1 })
    expect(await load(bus, all, 'a')).toEqual({ state: 1, version: 1 })
  })

  it('whose evolve does not do its part is told by place and type', async () => {
    await using world = await createTestBus()
    const { bus } = world
    await bus.publish(Paid, { id: 'a', cents: 1 })
    for (const evolve of [
      () => undefined as never,
      () => Promise.resolve({ cents: 0 }) as never,
      () => {
        throw new Error('secret')
      },
      (state: { cents: number }) => {
        state.cents++
        return state
      },
    ]) {
      const broken = defineAggregate('account', { initial: { cents: 0 }, on: [Paid], evolve })
      const failure = await load(bus, broken, 'a').catch((error: unknown) => error)
      expect(failure).toMatchObject({
        code: 'TIDINGS_EVOLVE_FAILED',
        details: { type: 'account.paid', streamVersion: 1 },
      })
      expect((failure as Error).message).not.toContain('secret')
    }
  })

  it('that an event would break is left as it is: what cannot be read is never written', async () => {
    await using world = await createTestBus()
    const { bus, published } = world
    const picky = defineAggregate('account', {
      initial: { cents: 0 },
      on: [Paid],
      evolve(state, { data }) {
        if (data.cents < 0) throw new RangeError('below zero')
        return { cents: state.cents + data.cents }
      },
    })
    await expect(decide(bus, picky, 'a', () => Paid.create({ id: 'a', cents: -1 }))).rejects.toMatchObject({
      code: 'TIDINGS_EVOLVE_FAILED',
    })
    expect(published()).toEqual([])
  })

  it('that is gone in part, or as a whole, is an error and not a wrong state', async () => {
    await using world = await createTestBus()
    const { bus, store } = world
    for (const cents of [1, 2, 3]) await bus.publish(Paid, { id: 'a', cents })
    await store.prune({ through: 2, limit: 10 })
    await expect(load(bus, account, 'a')).rejects.toMatchObject({
      code: 'TIDINGS_HISTORY_GONE',
      details: { first: 1, last: 2 },
    })
    await store.prune({ through: 3, limit: 10 })
    await expect(decide(bus, account, 'a', () => Paid.create({ id: 'a', cents: 1 }))).rejects.toMatchObject({
      code: 'TIDINGS_HISTORY_GONE',
    })
  })

  it('that somebody deletes while it is decided over is begun anew', async () => {
    await using world = await createTestBus()
    const { bus } = world
    await decide(bus, account, 'a', () => Paid.create({ id: 'a', cents: 5 }))
    let deleted = false
    const after = await decide(bus, account, 'a', async () => {
      if (!deleted) await bus.store.deleteStream('account/a')
      deleted = true
      return Paid.create({ id: 'a', cents: 1 })
    })
    expect(after).toMatchObject({ state: { cents: 1 }, version: 2, attempts: 2 })
  })

  it('of more events than one page is read whole', async () => {
    await using world = await createTestBus()
    const { bus } = world
    await bus.publish(Array.from({ length: 1_203 }, () => Paid.create({ id: 'a', cents: 1 })))
    expect(await load(bus, account, 'a')).toEqual({ state: { cents: 1_203 }, version: 1_203 })
  })
})

describe('retention', () => {
  it('removes nothing that a state is rebuilt from, also where only another process knows', async () => {
    // Nobody subscribes, so nobody need look often.
    const seldom = { retention: '1h', transport: { poll: '10m', lease: '1h' } } as const
    await using world = await createTestBus(seldom)
    const { bus, clock } = world
    await bus.publish(Closed, { id: 'b' })
    await decide(bus, account, 'a', () => Paid.create({ id: 'a', cents: 5 }))
    await clock.advance('5h')
    expect(await bus.store.getEvents('account/b')).toEqual([])
    expect(await load(bus, account, 'a')).toMatchObject({ state: { cents: 5 } })
    await using other = await createTestBus({ beside: world, ...seldom })
    await other.bus.start()
    await clock.advance('5h')
    expect(await load(other.bus, account, 'a')).toMatchObject({ state: { cents: 5 } })
  })

  it('of a memory store that keeps little keeps them as well, and forgets the others', async () => {
    const runtime = virtualRuntime()
    const bus = await createEventBus({ url: 'memory:', keep: 10, runtime })
    for (let n = 0; n < 300; n++) {
      await decide(bus, account, 'a', () => Paid.create({ id: 'a', cents: 1 }))
      await bus.publish(Closed, { id: 'b' })
    }
    expect(await load(bus, account, 'a')).toEqual({ state: { cents: 300 }, version: 300 })
    expect((await bus.store.getEvents('account/b')).length).toBeLessThan(300)
    const closing = bus.close()
    await runtime.advance(20_000)
    await closing
  })
})

describe('an aggregate', () => {
  it('is refused with all its mistakes at once', () => {
    const Short = defineEvent('account.noted', { retention: '1d' })
    const Once = defineEvent('account.seen', { dedup: 'content' })
    const Other = defineEvent('order.placed')
    const define = () =>
      defineAggregate('ac count', {
        initial: undefined,
        evolve: 7 as never,
        version: 0,
        name: '',
        on: [Short, Once, Other, 8 as never],
        snapshot: { every: 0, save: 9 as never },
      })
    const mistakes = (() => {
      try {
        define()
      } catch (error) {
        return (error as { details: { mistakes: readonly string[] } }).details.mistakes.join('\n')
      }
      return ''
    })()
    for (const field of [
      'category',
      'name',
      'evolve',
      'initial',
      'version',
      'retention',
      'dedup',
      'order.placed',
      'every',
      'save',
    ])
      expect(mistakes).toContain(field)
  })

  it('may begin by its key', async () => {
    await using world = await createTestBus()
    const named = defineAggregate('account', {
      initial: (key: string) => ({ key, cents: 0 }),
      evolve: (state) => state,
    })
    expect((await load(world.bus, named, 'a')).state).toEqual({ key: 'a', cents: 0 })
  })
})
