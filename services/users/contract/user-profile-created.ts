import { defineEvent } from 'tidings'
import { z } from 'zod'

/** Version 1 also told the name that others read. Those who remember what they hear (sagas do) must not remember that; whoever needs it asks for the profile. */
export const UserProfileCreated = defineEvent('user.profile.created', {
  description: 'A profile exists for somebody who has registered.',
  version: '2.0.0',
  schema: z.object({ userId: z.uuid() }),
  key: (profile) => profile.userId,
  upcasters: { '1.0.0': ({ userId }: { readonly userId: string }) => ({ userId }) },
})
