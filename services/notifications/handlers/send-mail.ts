import { UserMailRequested, UserRegistered } from '@tidings-services/auth/contract'
import { type DataOf, type EventBus, PermanentError, type SqlStore, sql } from 'tidings'

import { sealedFor } from '../contract/sealed-text.ts'
import { UserMailRefused, UserMailSent } from '../contract/user-mail-sent.ts'
import { WelcomeEmailSent } from '../contract/welcome-email-sent.ts'
import { mailOf, needsSecret, type Recipient } from '../domain/mail.ts'
import type { Mailer } from '../mailer.ts'
import { openSealed } from '../sealing-keys.ts'

type Requested = DataOf<typeof UserMailRequested>
type Refused = DataOf<typeof UserMailRefused>['why']

/**
 * Keeps the addresses of those who register, and sends the mails that flows ask for; answers each. One subscription, for auth tells of both in one stream:
 * whoever is to have a mail has registered before, and so the address is known, however far behind this service is. The mail is an effect: once the server has taken it, no later attempt sends it again. Only a process
 * that dies between the server's answer and the record of it, or a server that takes a mail without saying so, leads to a second mail, which carries
 * the same Message-ID; and that one counts as another attempt.
 */
export function sendMail(bus: EventBus, store: SqlStore, mailer: Mailer, now: () => number): void {
  bus.subscribe(
    [UserRegistered, UserMailRequested],
    {
      name: 'notifications.mail',
      from: 'beginning',
      retry: { tries: 6, backoff: ['1s', '5s', '30s', '120s'] },
      // Whoever waits for a connection waits outside the attempt, and none is cut off that the server may still answer.
      concurrency: mailer.atOnce,
      timeout: mailer.sendsWithin + 60_000,
    },
    async ({ data }, { effect, write, publish, signal }) => {
      if ('email' in data) {
        write(keepAddress(data, now()))
        return
      }
      const { userId, flowId, kind } = data
      const answer = await effect('mail', (key) => send(store, mailer, data, key, signal))
      if ('why' in answer) {
        await publish(UserMailRefused, { userId, flowId, kind, why: answer.why })
      } else {
        const { messageId } = answer
        write(sql`
          insert into notifications_sent (message_id, user_id, kind, sent_at)
          select ${messageId}, user_id, ${kind}, ${now()} from notifications_addresses
          where user_id = ${userId} and email is not null
          on conflict do nothing`)
        await publish(UserMailSent, { userId, flowId, kind, messageId })
        if (kind === 'welcome') await publish(WelcomeEmailSent, { userId, messageId })
      }
      // There is no account any more that this address would belong to.
      if (kind === 'registration-failed')
        write(sql`update notifications_addresses set email = null, username = null where user_id = ${userId}`)
    },
  )
}

/** Whoever was erased is not kept again. */
function keepAddress({ userId, email, username }: DataOf<typeof UserRegistered>, now: number): ReturnType<typeof sql> {
  return sql`
    insert into notifications_addresses (user_id, email, username, changed_at)
    values (${userId}, ${email}, ${username}, ${now}) on conflict do nothing`
}

/** Sends one mail, or says why it never will be. Throws for what may be otherwise later. */
async function send(
  store: SqlStore,
  mailer: Mailer,
  requested: Requested,
  key: string,
  signal: AbortSignal,
): Promise<{ readonly messageId: string } | { readonly why: Refused }> {
  const to = await recipient(store, requested.userId)
  if (to === 'erased') return { why: 'erased' }
  const { kind, sealed } = requested
  const secret = sealed === undefined ? undefined : await openSealed(store, sealed, sealedFor(requested))
  if (secret === undefined && needsSecret(kind)) return { why: 'unreadable' }
  const mail = mailOf(kind, to, key, secret)
  try {
    await mailer.send(mail, signal)
    return { messageId: mail.messageId }
  } catch (error) {
    if (error instanceof PermanentError) return { why: 'server' }
    throw error
  }
}

async function recipient(store: SqlStore, userId: string): Promise<Recipient | 'erased'> {
  const [row] = await store.query(sql`select email, username from notifications_addresses where user_id = ${userId}`)
  return row === undefined || row.email === null
    ? 'erased'
    : { email: row.email as string, username: row.username as string }
}
