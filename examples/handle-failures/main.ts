import { setTimeout } from 'node:timers/promises'

import { createEventBus, defineEvent, operationsOf, PermanentError, RetryAfter, UnavailableError } from 'tidings'
import { z } from 'zod'

const InvoiceIssued = defineEvent('invoice.issued', {
  schema: z.object({ invoiceId: z.string(), customerId: z.string(), to: z.string() }),
  key: (invoice) => invoice.customerId,
})

let fixed = false
const mail = {
  send(to: string): void {
    if (to.endsWith('.invalid')) throw new PermanentError('The address cannot exist')
    if (to === 'bug@example.com' && !fixed) throw new TypeError('Cannot read the template')
  },
}

const bus = await createEventBus({ url: 'memory:', source: '/billing' })

// #region subscribe
bus.subscribe(
  InvoiceIssued,
  {
    name: 'invoice-mails',
    retry: { tries: 3, backoff: ['50ms', '100ms'] },
    onPoison: 'park',
  },
  ({ data }, { attempt }) => {
    console.log(`${data.invoiceId}, attempt ${attempt}`)
    mail.send(data.to)
  },
)
// #endregion subscribe

// #region kinds
bus.subscribe(InvoiceIssued, { name: 'bookkeeping' }, async ({ data }, { signal }) => {
  const answer = await book(data.invoiceId, signal)
  if (answer === 'unknown customer') throw new PermanentError('The books do not know this customer')
  if (answer === 'too many requests') throw new RetryAfter(30_000)
  if (answer === 'maintenance') throw new UnavailableError('The books are closed')
})
// #endregion kinds

await bus.start()
await bus.publish([
  InvoiceIssued.create({ invoiceId: 'i-1', customerId: 'c-1', to: 'bug@example.com' }),
  InvoiceIssued.create({ invoiceId: 'i-2', customerId: 'c-1', to: 'ada@example.com' }),
  InvoiceIssued.create({ invoiceId: 'i-3', customerId: 'c-2', to: 'bo@example.com' }),
  InvoiceIssued.create({ invoiceId: 'i-4', customerId: 'c-3', to: 'nobody@nowhere.invalid' }),
])

// #region list
const operations = operationsOf(bus)
while ((await operations.parked.list({ state: 'dead' })).items.length < 2) await setTimeout(20)
const { items } = await operations.parked.list({ subscription: 'invoice-mails' })
for (const { key, state, attempts, error } of items) {
  console.log(`${key}: ${state} after ${attempts} attempts${error === undefined ? '' : `: ${error.message}`}`)
}
// #endregion list

// #region groups
const { groups } = await operations.parked.groups({ subscription: 'invoice-mails', state: 'dead' })
for (const { count, error } of groups) console.log(`${count} × ${error?.name}: ${error?.message}`)
// #endregion groups

fixed = true

// #region redrive
const bug = groups.find(({ error }) => error?.name === 'TypeError')
const counted = await operations.parked.redrive({ fingerprint: bug?.fingerprint }, { dryRun: true })
console.log(`${counted.matched} would run again`)
for await (const step of operations.parked.ramp({ fingerprint: bug?.fingerprint }, { ramp: [1, 10, 100], by: 'ada' })) {
  console.log(`step ${step.step}: ${step.handled} handled, ${step.failed} failed, ${step.ended ?? 'going on'}`)
}
// #endregion redrive

// #region drop
const dropped = await operations.parked.drop({ subscription: 'invoice-mails', type: 'invoice.*' }, { by: 'ada' })
for await (const { counts, ended } of operations.parked.follow(dropped.requests)) {
  if (ended !== undefined) console.log(`${counts.dropped} dropped, ${ended}`)
}
for (const { action, by, matched } of await operations.audit()) console.log(`${by}: ${action}, ${matched}`)
// #endregion drop

await bus.close()

async function book(_invoiceId: string, _signal: AbortSignal): Promise<string> {
  return 'booked'
}
