import type { AnyEventDefinition } from 'tidings'

import { WelcomeEmailSent } from './welcome-email-sent.ts'

export { WelcomeEmailSent }

/** All that notifications publishes. */
export const notificationsEvents: readonly AnyEventDefinition[] = [WelcomeEmailSent]
