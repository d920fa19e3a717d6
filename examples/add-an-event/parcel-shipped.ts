// #region define
import { defineEvent } from 'tidings'
import { z } from 'zod'

export const ParcelShipped = defineEvent('parcel.shipped', {
  version: '1.0.0',
  description: 'A parcel has left the warehouse.',
  schema: z.object({
    parcelId: z.string(),
    orderId: z.string(),
    carrier: z.string(),
    to: z.object({ name: z.string(), city: z.string() }),
  }),
  key: (parcel) => parcel.parcelId,
  priority: 'high',
  retention: '90d',
  sensitive: { subject: (parcel) => parcel.orderId, fields: { 'to.name': 'somebody' } },
})
// #endregion define
