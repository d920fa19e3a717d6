import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { busStatus, reasonsNotReady } from '../operations/bus-status.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { logTransport } from '../transport/log/log-transport.ts'

const Placed = defineEvent<{ readonly id: string }>('order.placed')
const Paid = defineEvent<{ readonly id: string }>('order.paid')

describe('a subscription that is declared after the start', () => {
  it('is heard of by calling start again', async () => {
    await using world = await createTestBus()
    const { bus } = world
    await bus.start()
    bus.subscribe(Placed, { name: 'mailer' }, () => {})
    await bus.start()
    expect((await busStatus(bus)).subscriptions).toMatchObject([{ name: 'mailer', started: true }])
  })

  it('that is refused rejects the start that asks for it, is in the status, and may be tried again', async () => {
    const store = memoryStore()
    const before = await createTestBus({ store })
    before.bus.subscribe(Placed, { name: 'mailer' }, () => {})
    await before.bus.start()
    await before.close()

    await using world = await createTestBus({ store })
    const { bus } = world
    await bus.start()
    let handled = 0
    bus.subscribe(Paid, { name: 'mailer' }, () => handled++)
    await expect(bus.start()).rejects.toMatchObject({ code: 'TIDINGS_SUBSCRIPTION_CHANGED' })
    const status = await busStatus(bus)
    expect(status.subscriptions).toMatchObject([
      { name: 'mailer', started: false, failure: 'TIDINGS_SUBSCRIPTION_CHANGED' },
    ])
    expect(reasonsNotReady(status)).toEqual([
      '/app: subscription mailer could not start (TIDINGS_SUBSCRIPTION_CHANGED)',
    ])
    // The bus goes on without it.
    await bus.publish(Paid, { id: 'o-1' })

    bus.subscribe(Paid, { name: 'mailer', onChange: 'accept' }, () => handled++)
    await bus.start()
    await bus.publish(Paid, { id: 'o-2' })
    await bus.settled()
    expect(reasonsNotReady(await busStatus(bus))).toEqual([])
    expect(handled).toBe(2)
    expect(() => bus.subscribe(Paid, { name: 'mailer' }, () => {})).toThrow('already')
  })

  it('that its transport refuses leaves no half of itself behind', async () => {
    let failures = 1
    await using world = await createTestBus({
      transport: (over, host) => {
        const inner = logTransport(over, host, { poll: 1_000 })
        return {
          capabilities: inner.capabilities,
          publish: (batch, signal) => inner.publish(batch, signal),
          subscribe: (options, sink) =>
            options.group === 'mailer/0' && failures-- > 0
              ? Promise.reject(new Error('the group cannot be joined'))
              : inner.subscribe(options, sink),
          close: () => inner.close(),
        }
      },
    })
    const { bus } = world
    await bus.start()
    bus.subscribe(Placed, { name: 'mailer', mode: 'inline' }, () => {})
    await expect(bus.start()).rejects.toThrow('the group cannot be joined')
    expect((await bus.publish(Placed, { id: 'o-1' })).matched).toBe(0)
    bus.subscribe(Placed, { name: 'mailer', mode: 'inline' }, () => {})
    await bus.start()
    expect((await bus.publish(Placed, { id: 'o-2' })).matched).toBe(1)
  })
})
