import { expect, it } from 'vitest'

import { createEventBus } from '../bus/create-event-bus.ts'
import { defineEvent } from '../events/define-event.ts'
import { operationsOf } from '../operations/operations.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { defineSaga, step } from './define-saga.ts'

interface Order {
  readonly orderId: string
}
const key = (data: Order): string => data.orderId
const Placed = defineEvent<Order>('order.placed', { key })
const Packed = defineEvent<Order>('order.packed', { key })

/** A saga that notes where it has run. */
function packing(ran: string[], where: string) {
  return defineSaga('packing', {
    startsWith: Placed,
    from: 'beginning',
    steps: [
      step('pack', {
        run(saga) {
          ran.push(where)
          return saga.publish(Packed, { orderId: saga.key })
        },
      }),
      step('ship', { run: () => {}, waitFor: { event: defineEvent<Order>('order.shipped', { key }) } }),
    ],
  })
}

it('a process that drives no sagas publishes and handles, and leaves them to another one', async () => {
  const ran: string[] = []
  const lines: string[] = []
  await using first = await createTestBus({ sagas: false, log: (_level, message) => void lines.push(message) })
  const handled: string[] = []
  first.bus.use(packing(ran, 'first'))
  first.bus.subscribe('order.*', { name: 'watching' }, ({ type }) => void handled.push(type))
  await first.bus.publish(Placed, { orderId: 'o-1' })
  await first.clock.advance('1m')
  await first.bus.settled()
  expect({ ran, handled }).toEqual({ ran: [], handled: ['order.placed'] })
  expect(lines).toContain('A saga is left to other processes, for this one drives none')
  const names = async () => (await operationsOf(first.bus).subscriptions()).map(({ name }) => name)
  expect(await names()).toEqual(['watching'])
  expect(await operationsOf(first.bus).sagas.list()).toMatchObject({ items: [] })

  await using second = await createTestBus({ beside: first })
  second.bus.use(packing(ran, 'second'))
  await second.bus.start()
  await second.bus.settled()
  expect({ ran, handled }).toEqual({ ran: ['second'], handled: ['order.placed', 'order.packed'] })
  expect(await names()).toEqual(['saga.packing', 'watching'])

  // What it starts is driven there, and it looks at them as everybody does.
  await first.bus.publish(Placed, { orderId: 'o-2' })
  await first.clock.advance('5s')
  await second.bus.settled()
  expect(ran).toEqual(['second', 'second'])
  const { items } = await operationsOf(first.bus).sagas.list()
  expect(items.map(({ key: of, status }) => `${of} ${status}`).toSorted()).toEqual(['o-1 running', 'o-2 running'])
})

it('the switch is true or false, and nothing else', async () => {
  await expect(createEventBus({ url: 'memory:', sagas: 'false' as never })).rejects.toMatchObject({
    code: 'TIDINGS_INVALID_OPTION',
    message: expect.stringContaining('`sagas` to be true or false'),
  })
})
