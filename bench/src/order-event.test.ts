import { describe, expect, it } from 'vitest'

import { checkedOrderPlaced } from './order-definition.ts'
import { fullEnvelopeOf, keyOf, orderOf, orders } from './order-event.ts'

describe('the event that is measured', () => {
  it('takes 400 bytes as a CloudEvent, give or take six', () => {
    for (let at = 0; at < 2 * orders; at += 7) {
      const bytes = Buffer.byteLength(JSON.stringify(fullEnvelopeOf(at)))
      expect(Math.abs(bytes - 400)).toBeLessThanOrEqual(6)
    }
  })

  it('goes round over a thousand keys', () => {
    expect(new Set(Array.from({ length: 5_000 }, (_, at) => keyOf(at))).size).toBe(orders)
  })

  it('passes its own schema', async () => {
    const result = await checkedOrderPlaced.schema?.['~standard'].validate(orderOf(3))
    expect(result?.issues).toBeUndefined()
  })
})
