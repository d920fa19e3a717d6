import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { type SubscribeOptions, subscriptionSettings } from './subscribe-options.ts'

const Placed = defineEvent<{ readonly id: string }>('order.placed')

describe('the options of a subscription', () => {
  it.each([
    [{ timeout: 0 }, '`timeout`'],
    [{ timeout: '25h' }, '`timeout`'],
    [{ timeout: `${'9'.repeat(400)}d` }, '`timeout`'],
    [{ abandonAfter: -1 }, '`abandonAfter`'],
    [{ abandonAfter: '2d' }, '`abandonAfter`'],
    [{ healthEvery: '2d' }, '`healthEvery`'],
    [{ retry: { parkAbove: '61m' } }, '`retry.parkAbove`'],
    [{ retry: { parkAbove: Number.NaN } }, '`retry.parkAbove`'],
    [{ breaker: null }, '`breaker`'],
    [{ breaker: { failures: 0 } }, '`breaker.failures`'],
    [{ breaker: { failures: 1_001 } }, '`breaker.failures`'],
    [{ breaker: { streams: 1.5 } }, '`breaker.streams`'],
    [{ breaker: { coolDown: 'soon' } }, '`breaker.coolDown`'],
    [{ breaker: { coolDown: '2s', maxCoolDown: '1s' } }, '`breaker.maxCoolDown`'],
    [{ breaker: { maxCoolDown: '25h' } }, '`breaker.maxCoolDown`'],
  ])('%j is refused by name', (options, field) => {
    const settings = (): unknown => subscriptionSettings({ name: 'reader', ...options } as SubscribeOptions)
    expect(settings).toThrow(expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION' }) as Error)
    expect(settings).toThrow(field)
  })

  it('have defaults', () => {
    expect(subscriptionSettings({ name: 'reader', breaker: { coolDown: '1m' } })).toMatchObject({
      timeout: 30_000,
      abandonAfter: 60_000,
      parkAbove: 2_000,
      breaker: { failures: 10, streams: 5, coolDown: 60_000, maxCoolDown: 60_000 },
    })
  })

  it('set the breaker of one subscription', async () => {
    await using world = await createTestBus()
    const { bus, clock } = world
    let attempts = 0
    bus.subscribe(
      Placed,
      { name: 'mailer', breaker: { failures: 2, streams: 2, coolDown: '10m', maxCoolDown: '10m' } },
      () => {
        attempts++
        throw new Error('away')
      },
    )
    await bus.start()
    await bus.publish(['a', 'b', 'c'].map((id) => Placed.create({ id })))
    await clock.advance('9m')
    expect(attempts).toBe(2)
    await clock.advance('2m')
    expect(attempts).toBe(3)
  })
})

it('names options that there are none of, and what was most likely meant', () => {
  const misspelt = { name: 'stock', concurency: 5, retry: { backof: [100] }, breaker: { failure: 3 }, unheardOf: true }
  expect(() => subscriptionSettings(misspelt as SubscribeOptions)).toThrow(
    expect.objectContaining({
      code: 'TIDINGS_INVALID_OPTION',
      message: expect.stringMatching(
        /no option `concurency`; did you mean `concurrency`\?.*no option `unheardOf`\..*no option `retry\.backof`; did you mean `retry\.backoff`.*`breaker\.failure`; did you mean `breaker\.failures`/,
      ) as string,
    }),
  )
})
