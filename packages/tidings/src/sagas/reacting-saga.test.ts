import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { operationsOf } from '../operations/operations.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { defineSaga } from './define-saga.ts'

interface Cart {
  readonly cartId: string
}
const key = (cart: Cart): string => cart.cartId
const CartOpened = defineEvent<Cart>('cart.opened', { key })
const ItemAdded = defineEvent<Cart & { readonly sku: string }>('cart.item.added', { key })
const CartForgotten = defineEvent<Cart & { readonly items: number }>('cart.forgotten', { key })

const name = { saga: 'cart', key: 'c-1' }

function carts(calls: string[] = []) {
  return defineSaga('cart', {
    startsWith: CartOpened,
    correlate: (event) => event.data.cartId as string,
    timeout: 'never',
    state: () => ({ items: [] as readonly string[], reminders: 0 }),
    reacts: (on) => [
      on(CartOpened, (_state, _event, saga) => saga.after('forgotten', '10m')),
      on(ItemAdded, (state, event, saga) => {
        saga.after('forgotten', '10m')
        return { ...state, items: [...state.items, event.data.sku] }
      }),
    ],
    timers: {
      async forgotten(state, saga) {
        await saga.publish(CartForgotten, { cartId: saga.key, items: state.items.length })
        await saga.effect('mail', () => {
          calls.push('mail')
          return 'sent'
        })
        if (state.reminders === 1) saga.done()
        else saga.after('forgotten', '10m')
        return { ...state, reminders: state.reminders + 1 }
      },
    },
    signals: {
      paid: (state, data, saga) => {
        calls.push(JSON.stringify(data))
        saga.done()
        return state
      },
    },
  })
}

describe('a saga that reacts', { timeout: 60_000 }, () => {
  it('folds events into its state, and sets its timers anew', async () => {
    await using world = await createTestBus()
    const calls: string[] = []
    world.bus.use(carts(calls))
    await world.bus.publish(CartOpened, { cartId: 'c-1' })
    await world.bus.settled()
    await world.clock.advance('5m')
    await world.bus.publish(ItemAdded, { cartId: 'c-1', sku: 's-1' })
    await world.bus.publish(ItemAdded, { cartId: 'c-1', sku: 's-2' })
    await world.bus.settled()
    await world.clock.advance('5m')
    expect(world.published(CartForgotten)).toEqual([])
    await world.clock.advance('6m')
    expect(world.published(CartForgotten).map(({ data }) => data.items)).toEqual([2])
    await world.clock.advance('11m')
    expect(world.published(CartForgotten)).toHaveLength(2)
    expect(calls).toEqual(['mail'])
    expect(await operationsOf(world.bus).sagas.show(name)).toMatchObject({
      status: 'done',
      state: { items: ['s-1', 's-2'], reminders: 2 },
      timers: [],
    })
    expect(await world.store.find('timers')).toEqual([])
  })

  it('tells how its state has changed, by what', async () => {
    await using world = await createTestBus()
    world.bus.use(carts())
    await world.bus.publish(CartOpened, { cartId: 'c-1' })
    await world.bus.publish(ItemAdded, { cartId: 'c-1', sku: 's-1' })
    await world.bus.settled()
    const { history } = await operationsOf(world.bus).sagas.show(name)
    expect(history.at(-1)).toMatchObject({
      type: 'cart.item.added',
      changes: expect.arrayContaining([{ path: 'state.items', from: [], to: ['s-1'] }]) as unknown,
    })
  })

  it('hears signals of operators, and passes over events for which there is none', async () => {
    await using world = await createTestBus()
    const calls: string[] = []
    world.bus.use(carts(calls))
    await world.bus.publish(ItemAdded, { cartId: 'c-9', sku: 's-1' })
    await world.bus.publish(CartOpened, { cartId: 'c-1' })
    await world.bus.settled()
    const { sagas } = operationsOf(world.bus)
    await sagas.signal(name, { name: 'paid', data: { total: 3 } }, { by: 'ada' })
    await world.bus.settled()
    expect(calls).toEqual(['{"total":3}'])
    expect((await sagas.list()).items.map((one) => [one.key, one.status])).toEqual([['c-1', 'done']])
    await expect(sagas.signal(name, { name: 'paid' })).rejects.toMatchObject({ code: 'TIDINGS_CONFLICT' })
    expect((await operationsOf(world.bus).audit())[0]).toMatchObject({ action: 'saga', by: 'ada' })
  })

  it('runs again what throws, and is set aside when it never succeeds', async () => {
    await using world = await createTestBus()
    let tries = 0
    world.bus.use(
      defineSaga('cart', {
        startsWith: CartOpened,
        state: () => 0,
        reacts: (on) => [
          on(CartOpened, () => {
            tries++
            throw new Error('never')
          }),
        ],
        retry: { tries: 3, backoff: ['1s'] },
      }),
    )
    await world.bus.publish(CartOpened, { cartId: 'c-1' })
    await world.clock.advance('10s')
    await world.bus.settled()
    expect(tries).toBe(3)
    expect(world.parked('saga.cart')).toMatchObject([{ state: 'dead' }])
    expect(await world.store.find('sagas')).toEqual([])
  })

  it('names every mistake of a definition at once', () => {
    const wrong = { startsWith: 'cart', state: 3, reacts: () => [{}], timers: { '': 1 }, version: 0 }
    expect(() => defineSaga('cart', wrong as never)).toThrow(
      /`version`.*`startsWith`.*`state`.*made by `on`.*`timers`/s,
    )
    expect(() => defineSaga('a.b', wrong as never)).toThrow(/`name`/)
    expect(() => defineSaga('cart', { startsWith: CartOpened, steps: [] })).toThrow(/at least one step/)
  })
})
