import { describe, expect, it } from 'vitest'

import { createEventBus } from '../bus/create-event-bus.ts'
import { defineEvent } from '../events/define-event.ts'
import { TidingsError } from '../kernel/errors.ts'
import { sleep } from '../kernel/runtime.ts'
import { createTestBus } from '../testing/create-test-bus.ts'

const Placed = defineEvent<{ readonly id: string }>('order.placed')

describe('a handler that meets the end of something that is not its own', () => {
  it.each(['TIDINGS_CLOSED', 'TIDINGS_FENCED', 'TIDINGS_WITHDRAWN'] as const)(
    'spends its attempts: %s',
    async (code) => {
      await using world = await createTestBus()
      const { bus, clock, parked } = world
      bus.subscribe(Placed, { name: 'mailer', retry: { tries: 2, backoff: [10] } }, () => {
        throw new TidingsError(code, 'Thrown by what the handler has called.')
      })
      await bus.publish(Placed, { id: 'o-1' })
      await clock.advance('1m')
      expect(parked('mailer')).toMatchObject([{ state: 'dead', attempts: 2, error: { code } }])
    },
  )

  it('spends its attempts where it publishes on another bus that is closed', async () => {
    await using world = await createTestBus()
    const other = await createEventBus({ url: 'memory:' })
    await other.close()
    world.bus.subscribe(Placed, { name: 'mailer', retry: { tries: 2, backoff: [10] } }, () =>
      other.publish(Placed, { id: 'o-1' }),
    )
    await world.bus.publish(Placed, { id: 'o-1' })
    await world.clock.advance('1m')
    expect(world.parked('mailer')).toMatchObject([{ state: 'dead', attempts: 2 }])
  })

  it('spends none where its own bus is closing', async () => {
    const world = await createTestBus()
    const { bus, clock } = world
    let code: string | undefined
    bus.subscribe(Placed, { name: 'mailer', retry: { tries: 1 } }, async () => {
      await sleep(clock.runtime, 1_000)
      await bus.publish(Placed, { id: 'o-2' }).catch((error: unknown) => {
        code = (error as TidingsError).code
        throw error
      })
    })
    await bus.publish(Placed, { id: 'o-1' })
    await clock.advance('10ms')
    await world.close()
    expect(code).toBe('TIDINGS_CLOSED')
    expect(world.parked()).toEqual([])
  })
})
