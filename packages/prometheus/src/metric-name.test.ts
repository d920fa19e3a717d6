import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { metricName } from './metric-name.ts'

describe('the name of a metric', () => {
  it.each([
    ['messaging.client.sent.messages', 'counter', 'messaging_client_sent_messages_total'],
    ['messaging.process.duration', 'histogram', 'messaging_process_duration_seconds'],
    ['tidings.subscription.utilization', 'gauge', 'tidings_subscription_utilization_ratio'],
    ['tidings.subscription.lag', 'gauge', 'tidings_subscription_lag'],
    ['tidings.data.bytes', 'histogram', 'tidings_data_bytes'],
    ['requests.total', 'counter', 'requests_total'],
    ['wait.duration.seconds', 'histogram', 'wait_duration_seconds'],
    ['9.lives', 'counter', '_9_lives_total'],
    ['a..b--c ', 'gauge', 'a_b_c'],
  ] as const)('turns %s of a %s into %s', (name, kind, expected) => {
    expect(metricName(name, kind)).toBe(expected)
  })

  it('takes a unit that is given over one that is implied', () => {
    expect(metricName('queue.wait', 'histogram', 'seconds')).toBe('queue_wait_seconds')
  })

  it('refuses a name without a letter or a digit', () => {
    expect(() => metricName('...', 'counter')).toThrow(expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION' }))
  })

  it('is always one that Prometheus accepts, and naming it again changes nothing', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }),
        fc.constantFrom('counter' as const, 'gauge' as const, 'histogram' as const),
        (name, kind) => {
          fc.pre(/[a-zA-Z0-9:]/.test(name))
          const once = metricName(name, kind)
          expect(once).toMatch(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/)
          expect(metricName(once, kind, '').replace(/^_+/, '')).toBe(once.replace(/^_+/, ''))
        },
      ),
    )
  })
})
