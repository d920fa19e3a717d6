import { describe, expect, it } from 'vitest'
import { z } from 'zod'

import { defineAggregate } from '../aggregates/define-aggregate.ts'
import { defineEvent } from '../events/define-event.ts'
import { isEvent } from '../events/is-event.ts'
import { given } from './scenario.ts'

const schema = z.object({ sku: z.string(), quantity: z.int().positive() })
const key = ({ sku }: { sku: string }) => sku
const Received = defineEvent('stock.received', { schema, key })
const Reserved = defineEvent('stock.reserved', { schema, key })
const Opened = defineEvent<{ id: string }>('shop.opened')

const stock = defineAggregate('stock', {
  initial: { onHand: 0, reserved: 0 },
  on: [Received, Reserved],
  evolve: (state, event) =>
    isEvent(event, Received)
      ? { ...state, onHand: state.onHand + event.data.quantity }
      : { ...state, reserved: state.reserved + event.data.quantity },
})
const reserve = (quantity: number) => (state: { onHand: number; reserved: number }) => {
  if (quantity > 1_000) throw new RangeError('nobody buys that much')
  return state.onHand - state.reserved >= quantity ? Reserved.create({ sku: 'tea', quantity }) : undefined
}
const five = Received.create({ sku: 'tea', quantity: 5 })
const three = Reserved.create({ sku: 'tea', quantity: 3 })

describe('a scenario', () => {
  it('holds where what was decided is what was expected', async () => {
    await given(stock, five).when(reserve(3)).then(three)
    await given(stock, five).and(three).when(reserve(3)).thenNothing()
    await given(stock, five).when(reserve(3)).thenState({ onHand: 5, reserved: 3 })
    await given(stock).when(reserve(1_001)).thenThrows('RangeError')
    await given(stock)
      .when(reserve(1_001))
      .thenThrows(/nobody/)
    await given(stock)
      .when((_state, { version }) => Promise.resolve(Received.create({ sku: `v${version}`, quantity: 1 })))
      .then(Received.create({ sku: 'v0', quantity: 1 }))
  })

  it.each<[string, () => Promise<void>]>([
    ['another event', () => given(stock, five).when(reserve(3)).then(five)],
    ['another figure', () => given(stock, five).when(reserve(2)).then(three)],
    ['one event more', () => given(stock, five).when(reserve(3)).thenNothing()],
    ['one event less', () => given(stock).when(reserve(3)).then(three)],
    ['another state', () => given(stock, five).when(reserve(3)).thenState({ onHand: 5, reserved: 0 })],
    ['no error', () => given(stock, five).when(reserve(3)).thenThrows()],
  ])('shows %s', async (_what, scenario) => {
    await expect(scenario()).rejects.toMatchObject({ code: 'ERR_ASSERTION' })
  })

  it('lets another error through than was expected', async () => {
    await expect(given(stock).when(reserve(1_001)).thenThrows('TypeError')).rejects.toThrow(RangeError)
  })

  it('refuses what could not be written', async () => {
    const bad = Received.create({ sku: 'tea', quantity: -1 })
    await expect(given(stock, bad).when(reserve(1)).thenNothing()).rejects.toMatchObject({
      code: 'TIDINGS_INVALID_DATA',
    })
    await given(stock, five)
      .when(() => bad)
      .thenThrows('TIDINGS_INVALID_DATA')
    await given(stock, five)
      .when(() => Opened.create({ id: 'tea' }))
      .thenThrows('TIDINGS_INVALID_EVENT')
    await given(stock, five)
      .when(() => 'tea' as never)
      .thenThrows('TIDINGS_INVALID_EVENT')
  })

  it('tells whoever forgets to ask for something', async () => {
    const forgotten = (async () => given(stock, five).when(reserve(3)) as unknown)()
    await expect(forgotten).rejects.toMatchObject({
      code: 'TIDINGS_INVALID_OPTION',
    })
  })
})
