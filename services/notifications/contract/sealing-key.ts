import { defineEvent } from 'tidings'
import { z } from 'zod'

export const SealingKeyRequested = defineEvent('sealing-key.requested', {
  description: 'A flow has something to say in a mail that nobody else may read, and asks for the key to seal it with.',
  schema: z.object({ flowId: z.string() }),
  key: ({ flowId }) => flowId,
})

export const SealingKeyTold = defineEvent('sealing-key.told', {
  description: 'The public key of the service that sends mails.',
  schema: z.object({ flowId: z.string(), keyId: z.string(), publicKey: z.string() }),
  key: ({ flowId }) => flowId,
})
