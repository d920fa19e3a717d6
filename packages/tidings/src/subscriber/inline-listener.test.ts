import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { Store } from '../store/store.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { ownerOf, type ParkedEvent } from './parked-event.ts'
import { requestUnit } from './requests.ts'

const OrderPlaced = defineEvent('order.placed')
const OrderSeen = defineEvent('order.seen')

/** Whatever survives the process has a queue behind its inline listeners. */
function survivor(): Store {
  const store = memoryStore()
  return { ...store, capabilities: { ...store.capabilities, durability: 'store' } }
}

describe('an inline listener on a store that survives', () => {
  it('has its effects once where the answer to their commit is lost', async () => {
    await using world = await createTestBus({
      store: survivor(),
      faults: [{ what: 'lose answer', at: 'inline', skip: 1, times: 1 }],
    })
    const { bus, clock, published } = world
    bus.subscribe(OrderPlaced, { name: 'watcher', mode: 'inline' }, (_event, { publish }) => publish(OrderSeen, {}))
    await bus.publish(OrderPlaced, {})
    await clock.advance('1m')
    await bus.settled()
    expect(world.faults.struck.get('lose answer')).toBe(1)
    expect(published(OrderSeen)).toHaveLength(1)
  })

  it('is promised by the commit that stores the event, also where that is tried again', async () => {
    await using world = await createTestBus({ store: survivor(), faults: [{ what: 'fail', at: 'publish', times: 1 }] })
    const { bus, clock, published } = world
    let runs = 0
    bus.subscribe(OrderPlaced, { name: 'watcher', mode: 'inline' }, (_event, { publish }) => {
      runs++
      return publish(OrderSeen, {})
    })
    const publishing = bus.publish(OrderPlaced, {})
    await clock.advance('5s')
    expect(await publishing).not.toHaveProperty('failures')
    await bus.settled()
    expect({ runs, seen: published(OrderSeen).length }).toEqual({ runs: 1, seen: 1 })
  })
})

describe('an inline listener', () => {
  it('has heard at once what its filter leaves out, so that nothing waits for a publisher who is done', async () => {
    await using world = await createTestBus({ store: survivor() })
    const { bus, clock, store } = world
    bus.subscribe(OrderPlaced, { name: 'watcher', mode: 'inline', filter: () => false }, () => {})
    await bus.publish(OrderPlaced, {})
    await clock.advance('10s')
    await bus.settled()
    expect(await store.find('inline')).toEqual([])
  })

  it.each([
    ['memory', undefined],
    ['survivor', survivor()],
  ])('that never ends is not waited for for ever: %s', async (_name, store) => {
    await using world = await createTestBus(store === undefined ? {} : { store })
    const { bus, clock } = world
    const hanging = new Promise<void>(() => {})
    let runs = 0
    bus.subscribe(OrderPlaced, { name: 'watcher', mode: 'inline', timeout: '1s', abandonAfter: '10s' }, () =>
      runs++ === 0 ? hanging : undefined,
    )
    const publishing = bus.publish(OrderPlaced, {})
    await clock.advance('30s')
    expect((await publishing).failures?.[0]?.error).toMatchObject({ code: 'TIDINGS_HANDLER_TIMEOUT' })
    await bus.settled()
    expect(runs).toBe(2)
  })
})

describe('an inline listener behind a blocked stream', () => {
  it('handles what comes behind once, and after the stream is let go', async () => {
    await using world = await createTestBus({ store: survivor() })
    const { bus, clock, published, parked, store } = world
    bus.subscribe(OrderPlaced, { name: 'watcher', mode: 'inline', retry: { tries: 1 } }, (event, { publish }) => {
      if ((event.data as { bad?: true }).bad === true) throw new Error('bad')
      return publish(OrderSeen, {})
    })
    await bus.publish(OrderPlaced, { id: 'o-1', bad: true })
    await clock.advance('1s')
    await bus.publish(OrderPlaced, { id: 'o-1' })
    await clock.advance('1s')
    const [dead, behind] = parked('watcher')
    expect([dead?.state, behind?.state, published(OrderSeen).length]).toEqual(['dead', 'behind', 0])
    const { stream, offset, partition } = dead as ParkedEvent
    await store.commit([
      requestUnit(ownerOf(dead as ParkedEvent), 'r-1', {
        action: 'drop',
        stream,
        offset,
        partition,
        by: 'user:test',
        at: clock.now(),
      }),
    ])
    await clock.advance('5s')
    expect({ parked: parked().length, seen: published(OrderSeen).length }).toEqual({ parked: 0, seen: 1 })
    expect(await store.find('inline')).toEqual([])
  })
})
