import { defineEvent } from 'tidings'
import { z } from 'zod'

const key = ({ orderId }: { readonly orderId: string }) => orderId

export const ReservationMade = defineEvent('reservation.made', {
  description: 'All that an order asks for is kept for it.',
  schema: z.object({ orderId: z.uuid() }),
  key,
  priority: 'high',
})

export const ReservationRefused = defineEvent('reservation.refused', {
  description: 'Some of what an order asks for is not there, so nothing is kept for it.',
  schema: z.object({ orderId: z.uuid(), missing: z.array(z.string()).min(1) }),
  key,
  priority: 'high',
})
