import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import type { FaultRule } from '../testing/fault-plan.ts'

const OrderPlaced = defineEvent('order.placed')

describe('publishing to a store that fails', () => {
  const applied: FaultRule[] = [
    { what: 'lose answer', at: 'publish', times: 1 },
    { what: 'fail', at: 'publish' },
  ]

  it('never says that nothing was written once it does not know', async () => {
    await using world = await createTestBus({ faults: applied })
    const { bus, clock, published } = world
    const refused = bus.publish(OrderPlaced, {}).catch((error: unknown) => error)
    await clock.advance('1m')
    expect(await refused).toMatchObject({ code: 'TIDINGS_COMMIT_UNKNOWN' })
    expect(published()).toHaveLength(1)
  })

  it('says so where it knows', async () => {
    await using world = await createTestBus({ faults: [{ what: 'fail', at: 'publish' }] })
    const { bus, clock, published } = world
    const refused = bus.publish([OrderPlaced.create({}), OrderPlaced.create({})]).catch((error: unknown) => error)
    await clock.advance('1m')
    expect(await refused).toMatchObject({ code: 'TIDINGS_STORE_UNAVAILABLE' })
    expect(published()).toEqual([])
  })

  it('stores an event once that it publishes again because the answer was lost', async () => {
    await using world = await createTestBus({ faults: [{ what: 'lose answer', at: 'publish', times: 2 }] })
    const { bus, clock, published } = world
    const receipt = bus.publish(OrderPlaced, {})
    await clock.advance('1m')
    expect(await receipt).toMatchObject({ position: 1, streamVersion: 1 })
    expect(published()).toHaveLength(1)
  })
})
