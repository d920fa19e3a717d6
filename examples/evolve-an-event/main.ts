import { setTimeout } from 'node:timers/promises'

import { createEventBus, defineEvent, operationsOf } from 'tidings'
import { z } from 'zod'

// #region old
const PaymentTakenV1 = defineEvent('payment.taken', {
  version: '1.0.0',
  schema: z.object({ paymentId: z.string(), amount: z.number() }), // amount in euros
  key: (payment) => payment.paymentId,
})
// #endregion old

// #region minor
const PaymentTakenV1dot1 = defineEvent('payment.taken', {
  version: '1.1.0',
  schema: z.object({ paymentId: z.string(), amount: z.number(), method: z.string() }),
  key: (payment) => payment.paymentId,
  upcasters: {
    '1.0.0': (payment: { paymentId: string; amount: number }) => ({ ...payment, method: 'unknown' }),
  },
})
// #endregion minor

// #region major
const PaymentTaken = defineEvent('payment.taken', {
  version: '2.0.0',
  schema: z.object({ paymentId: z.string(), cents: z.int(), currency: z.string(), method: z.string() }),
  key: (payment) => payment.paymentId,
  upcasters: {
    '1.0.0': (payment: { paymentId: string; amount: number }) => ({ ...payment, method: 'unknown' }),
    '1.1.0': ({ paymentId, amount, method }: { paymentId: string; amount: number; method: string }) => ({
      paymentId,
      cents: Math.round(amount * 100),
      currency: 'EUR',
      method,
    }),
  },
})
// #endregion major

const bus = await createEventBus({ url: 'memory:' })

bus.subscribe(PaymentTaken, { name: 'ledger' }, ({ data, version }) => {
  console.log(`ledger reads ${version}: ${data.cents} ${data.currency} by ${data.method}`)
})
bus.subscribe(PaymentTakenV1dot1, { name: 'old-ledger' }, ({ data }) => {
  console.log(`the old program reads ${data.amount}`)
})
await bus.start()

await bus.publish(PaymentTakenV1, { paymentId: 'y-1', amount: 12.5 })
await bus.publish(PaymentTakenV1dot1, { paymentId: 'y-2', amount: 7, method: 'card' })
const newest = await bus.publish(PaymentTaken, { paymentId: 'y-3', cents: 990, currency: 'USD', method: 'card' })

// #region waits
const operations = operationsOf(bus)
while ((await operations.parked.list({ state: 'upgrade' })).items.length === 0) await setTimeout(20)
const [explanation] = await operations.explain(newest.id)
for (const { name, standing, why } of explanation?.subscriptions ?? []) console.log(`${name}: ${standing}. ${why}`)
// #endregion waits

await bus.close()
