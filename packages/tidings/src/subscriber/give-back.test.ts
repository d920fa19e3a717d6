import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import type { SubscribeOptions } from './subscribe-options.ts'

const Charged = defineEvent('payment.charged', { key: (data) => (data as { n: number }).n.toString() })

/** Ten streams fail at a dependency that is away, each at its last attempt; then it is there again. */
async function outage(options: Partial<SubscribeOptions>): Promise<{ handled: number[]; parked: number }> {
  await using world = await createTestBus()
  const { bus, clock } = world
  let away = true
  const handled: number[] = []
  bus.subscribe('payment.*', { name: 'charge', retry: { tries: 1 }, ...options }, (event) => {
    if (away) throw new Error('the bank has no answer')
    handled.push((event.data as { n: number }).n)
  })
  await bus.publish(Array.from({ length: 10 }, (_, n) => Charged.create({ n })))
  await bus.settled()
  away = false
  await clock.advance('5m')
  await bus.settled()
  return { handled: handled.toSorted((a, b) => a - b), parked: world.parked('charge').length }
}

describe('an outage that made dead letters before it was known as one', () => {
  const all = { handled: Array.from({ length: 10 }, (_, n) => n), parked: 0 }

  it.each<Partial<SubscribeOptions>>([{}, { concurrency: 1 }])('gives their attempts back: %j', async (options) => {
    expect(await outage(options)).toEqual(all)
  })

  it.each<Partial<SubscribeOptions>>([{ order: 'none' }, { onPoison: 'skip' }])(
    'gives them back where they held nobody up: %j',
    async (options) => {
      expect(await outage(options)).toEqual(all)
    },
  )
})
