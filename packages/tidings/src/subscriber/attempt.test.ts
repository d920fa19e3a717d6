import { describe, expect, it } from 'vitest'
import { z } from 'zod'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'

const OrderPlaced = defineEvent('order.placed')
const OrderSeen = defineEvent('order.seen', { schema: z.object({ at: z.number() }) })

describe('an attempt', () => {
  it('lets a handler that is too late publish without waiting, to no effect and without ending the process', async () => {
    await using world = await createTestBus()
    const { bus, clock, published } = world
    let refused: unknown
    bus.subscribe(
      OrderPlaced,
      { name: 'watcher', timeout: '1s', retry: { tries: 1 } },
      async (_event, { publish, signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
        // Nobody awaits it; an unhandled rejection would end the process, and fails this test.
        const late = publish(OrderSeen, { at: 1 })
        queueMicrotask(() => void late.catch((error: unknown) => (refused = error)))
        void publish(OrderSeen, { at: 2 })
      },
    )
    await bus.publish(OrderPlaced, {})
    await clock.advance('2s')
    await bus.settled()
    expect(published(OrderSeen)).toEqual([])
    expect(refused).toMatchObject({ code: 'TIDINGS_HANDLER_TIMEOUT' })
  })

  it.each(['queued', 'inline'] as const)(
    'has a deadline where its handler has returned, but what it publishes is not ready: %s',
    async (mode) => {
      const schema = z.object({}).refine(() => new Promise<boolean>(() => {}))
      const OrderChecked = defineEvent('order.checked', { schema })
      await using world = await createTestBus()
      const { bus, clock, parked } = world
      bus.subscribe(
        OrderPlaced,
        { name: 'watcher', mode, timeout: '1s', abandonAfter: '1s', retry: { tries: 1 } },
        (_event, { publish }) => {
          void publish(OrderChecked, {})
        },
      )
      const publishing = bus.publish(OrderPlaced, {})
      await clock.advance('10s')
      await publishing
      expect(parked('watcher')).toMatchObject([{ state: 'dead', error: { code: 'TIDINGS_HANDLER_TIMEOUT' } }])
    },
  )

  it('fails where an event it publishes without waiting breaks its schema', async () => {
    await using world = await createTestBus()
    const { bus, parked } = world
    bus.subscribe(OrderPlaced, { name: 'watcher' }, (_event, { publish }) => {
      void publish(OrderSeen, { at: 'noon' as never })
    })
    await bus.publish(OrderPlaced, {})
    await bus.settled()
    expect(parked('watcher')).toMatchObject([{ state: 'dead', error: { code: 'TIDINGS_INVALID_DATA' } }])
  })
})
