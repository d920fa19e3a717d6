import { defineEvent } from 'tidings'
import { z } from 'zod'

const about = { key: ({ userId }: { readonly userId: string }) => userId, category: 'user' } as const
const exported = { exportId: z.uuid(), userId: z.uuid() }

export const DataExportRequested = defineEvent('user.export.requested', {
  description: 'Somebody wants all that is held of them.',
  schema: z.object(exported),
  ...about,
})

export const DataPartsRequested = defineEvent('user.data.requested', {
  description: 'These services are to send what they hold of somebody.',
  schema: z.object({ ...exported, services: z.array(z.string()) }),
  ...about,
})

export const UserDataCollected = defineEvent('user.data.collected', {
  description:
    'A part of what a service holds of somebody. It need not be kept for long: it is assembled as soon as it is heard.',
  schema: z.object({
    ...exported,
    service: z.string(),
    /** From 0. */
    part: z.int().nonnegative(),
    /** How many parts this service sends. */
    parts: z.int().positive(),
    /** JSON text: an object of tables, each a list of rows. */
    data: z.string(),
  }),
  key: ({ userId }) => userId,
  category: 'user.data',
  priority: 'low',
  retention: '7d',
  sensitive: { subject: ({ userId }) => userId, fields: { data: '{}' } },
})

export const DataExportCompleted = defineEvent('user.export.completed', {
  description: 'What is held of somebody is assembled, and its owner has a link to it.',
  schema: z.object({
    ...exported,
    /** Services that have sent nothing in time. */
    missing: z.array(z.string()),
  }),
  ...about,
})

export const DataExportExpired = defineEvent('user.export.expired', {
  description: 'The link of an export opens nothing any more, and what was assembled is erased.',
  schema: z.object(exported),
  ...about,
})
