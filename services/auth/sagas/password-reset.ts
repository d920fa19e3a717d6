import type { ServiceWorld } from '@tidings/service'
import {
  SealingKeyRequested,
  SealingKeyTold,
  sealedFor,
  sealText,
  UserMailRefused,
  UserMailSent,
} from '@tidings-services/notifications/contract'
import { defineSaga, PermanentError, type SagaDefinition, sql, step } from 'tidings'

import type { AuthOptions } from '../auth-options.ts'
import { PasswordResetConfirmed, PasswordResetExpired, PasswordResetRequested } from '../contract/password-reset.ts'
import { UserMailRequested } from '../contract/user-mail-requested.ts'
import { hashToken, makeToken } from '../tokens.ts'

interface Requested {
  readonly resetId: string
  readonly userId: string | null
}

/**
 * Lets somebody who has forgotten a password choose another: a code by mail, used in time or not at all; then a mail that says so. One saga a request; requests
 * for addresses that nobody has begin none. Of the code, auth keeps a hash, and what goes through the log is sealed for the service that sends the mail.
 */
export function passwordResetSaga(
  { store, now }: Pick<ServiceWorld, 'store' | 'now'>,
  { passwordReset }: Pick<AuthOptions, 'passwordReset'>,
): SagaDefinition {
  return defineSaga('password-reset', {
    description: 'A new password for whoever has forgotten the old one',
    startsWith: PasswordResetRequested,
    correlate: ({ type, data }) => keyOf(type, data),
    // Each wait that may take the reset back has an end of its own. Once the password is another, nothing does.
    timeout: 'never',
    steps: [
      step<Requested>('sealing key', {
        run: (saga) => saga.publish(SealingKeyRequested, { flowId: saga.key }).then(() => {}),
        waitFor: { event: SealingKeyTold, timeout: passwordReset },
      }),
      step<Requested>('code', {
        async run(saga) {
          const { resetId, userId } = userOf(saga.data)
          const [account] = await store.query(sql`
            select user_id from auth_users where user_id = ${userId} and state in ('registering', 'active')`)
          if (account === undefined) throw new PermanentError('There is no such account any more.')
          const code = makeToken()
          // The newest code is the only one that opens anything.
          saga.write(sql`delete from auth_password_resets where user_id = ${userId}`)
          saga.write(sql`
            insert into auth_password_resets (reset_id, user_id, code_hash, began_at, ends_at)
            values (${resetId}, ${userId}, ${hashToken(code)}, ${now()}, ${now() + passwordReset})`)
          const mail = { userId, flowId: resetId, kind: 'password-reset' } as const
          await saga.publish(UserMailRequested, {
            ...mail,
            sealed: sealText(code, saga.heard['sealing key'], sealedFor(mail)),
          })
        },
        waitFor: { event: PasswordResetConfirmed, timeout: passwordReset },
        async compensate(saga) {
          const { resetId, userId } = userOf(saga.data)
          saga.write(sql`delete from auth_password_resets where reset_id = ${resetId}`)
          await saga.publish(PasswordResetExpired, { resetId, userId })
        },
      }),
      step<Requested>('confirmation', {
        async run(saga) {
          const { resetId, userId } = userOf(saga.data)
          await saga.publish(UserMailRequested, { userId, flowId: resetId, kind: 'password-changed' })
        },
        waitFor: { event: [UserMailSent, UserMailRefused] },
        retry: { tries: 1_000 },
      }),
    ],
  })
}

/** A request for an address that nobody has starts nothing; only the answers to our own questions concern us. */
function keyOf(
  type: string,
  data: {
    readonly resetId?: string
    readonly flowId?: string
    readonly userId?: string | null
    readonly kind?: string
  },
): string | undefined {
  if (type === SealingKeyTold.type) return data.flowId
  if (type === UserMailSent.type || type === UserMailRefused.type)
    return data.kind === 'password-changed' ? data.flowId : undefined
  return data.userId === null ? undefined : data.resetId
}

function userOf({ resetId, userId }: Requested): { readonly resetId: string; readonly userId: string } {
  return { resetId, userId: userId as string }
}
