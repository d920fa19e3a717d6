import { defineEvent } from 'tidings'
import { z } from 'zod'

const about = { key: ({ userId }: { readonly userId: string }) => userId, category: 'user' } as const
const deletion = { deletionId: z.uuid(), userId: z.uuid() }

export const UserDeletionRequested = defineEvent('user.deletion.requested', {
  description: 'Somebody wants to be forgotten. The sessions are ended, and no login is taken any more.',
  schema: z.object(deletion),
  ...about,
  priority: 'high',
})

export const ErasureRequested = defineEvent('user.erasure.requested', {
  description: 'These services are to erase what they hold of somebody, and to answer. Asked again until they have.',
  schema: z.object({
    ...deletion,
    /** Who is asked; others have answered already. */
    services: z.array(z.string()),
    /** What logins to this account were told under: a hash of its address. */
    account: z.string(),
  }),
  ...about,
  sensitive: { subject: ({ userId }) => userId, fields: { account: 'erased' } },
  priority: 'high',
})

export const UserErased = defineEvent('user.erasure.done', {
  description: 'A service holds nothing personal of somebody any more.',
  schema: z.object({
    ...deletion,
    service: z.string(),
    /** Rows erased or made anonymous, by table. */
    rows: z.record(z.string(), z.int().nonnegative()),
  }),
  key: ({ userId }) => userId,
  category: 'user.erasure',
})

export const UserDeletionStuck = defineEvent('user.deletion.stuck', {
  description:
    'A service has been asked to erase somebody again and again and does not answer. It is asked on; somebody should look.',
  schema: z.object({ ...deletion, missing: z.array(z.string()), asked: z.int().positive() }),
  ...about,
  priority: 'critical',
})

export const UserDeleted = defineEvent('user.deleted', {
  description: 'Every service has erased somebody.',
  schema: z.object(deletion),
  ...about,
  priority: 'high',
})
