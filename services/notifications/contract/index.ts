import type { AnyEventDefinition } from 'tidings'

import { SealingKeyRequested, SealingKeyTold } from './sealing-key.ts'
import { UserMailRefused, UserMailSent } from './user-mail-sent.ts'
import { WelcomeEmailSent } from './welcome-email-sent.ts'

export { SealedText, type SealingKey, sealedFor, sealText } from './sealed-text.ts'
export { SealingKeyRequested, SealingKeyTold, UserMailRefused, UserMailSent, WelcomeEmailSent }

/** All that notifications publishes. */
export const notificationsEvents: readonly AnyEventDefinition[] = [
  SealingKeyTold,
  UserMailRefused,
  UserMailSent,
  WelcomeEmailSent,
]
