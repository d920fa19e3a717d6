import { createEventBus, isTidingsError } from 'tidings'

import { ParcelShipped } from './parcel-shipped.ts'

const bus = await createEventBus({ url: 'memory:', source: '/warehouse' })

// #region publish
const receipt = await bus.publish(
  ParcelShipped,
  { parcelId: 'p-1', orderId: 'o-1', carrier: 'swift', to: { name: 'Ada', city: 'London' } },
  { tenantId: 'acme', userId: 'u-7', business: { campaign: 'autumn' } },
)
console.log(`position ${receipt.position}, version ${receipt.streamVersion} of its stream`)
// #endregion publish

// #region look
for (const event of await bus.store.getEvents('acme/parcel/p-1')) {
  console.log(event.type, event.version, event.priority, event.context.actor, event.context.business)
}
// #endregion look

// #region refused
try {
  await bus.publish(ParcelShipped, { parcelId: 'p-2', orderId: 'o-2', carrier: 'swift', to: { name: 'Bo' } as never })
} catch (error) {
  if (isTidingsError(error, 'TIDINGS_INVALID_DATA')) console.log(error.message)
}
// #endregion refused

// #region batch
const receipts = await bus.publish([
  ParcelShipped.create({ parcelId: 'p-3', orderId: 'o-3', carrier: 'swift', to: { name: 'Cy', city: 'Oslo' } }),
  ParcelShipped.create({ parcelId: 'p-4', orderId: 'o-3', carrier: 'swift', to: { name: 'Cy', city: 'Oslo' } }),
])
console.log(`${receipts.length} events, all or none`)
// #endregion batch

await bus.close()
