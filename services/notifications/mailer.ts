import { createTransport } from 'nodemailer'
import { PermanentError, UnavailableError } from 'tidings'
import type { Mail } from './domain/mail.ts'
import { mailFailure } from './domain/mail-failure.ts'

export interface MailerOptions {
  /** Where the mail server is, such as `smtp://user:secret@mail.example:587`. */
  readonly url: string
  /** Who the mails are from. */
  readonly from: string
}

/** Hands mails to a server. */
export interface Mailer {
  /**
   * Resolves when the server has taken the mail over. Rejects with `UnavailableError` while the server is away, `PermanentError` when it
   * will never take this mail, any other error when it may later. No error repeats the address.
   */
  send(mail: Mail): Promise<void>
  close(): void
}

export function smtpMailer({ url, from }: MailerOptions): Mailer {
  // Times in milliseconds; together far below a handler's 30 s.
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: 2,
    connectionTimeout: 5_000,
    greetingTimeout: 5_000,
    socketTimeout: 10_000,
  })
  return {
    async send({ to, subject, text, messageId }) {
      try {
        await transport.sendMail({
          from,
          to,
          subject,
          text,
          messageId,
          headers: { 'auto-submitted': 'auto-generated' },
        })
      } catch (error) {
        throw asHandlersKnowIt(error)
      }
    },
    close: () => transport.close(),
  }
}

function asHandlersKnowIt(error: unknown): Error {
  const { code, responseCode } = error as { code?: string; responseCode?: number }
  const why = `${code ?? 'unknown'}${responseCode === undefined ? '' : `, answer ${responseCode}`}`
  switch (mailFailure({ code, responseCode })) {
    case 'unavailable':
      return new UnavailableError(`The mail server is away (${why}).`, { cause: error })
    case 'never':
      return new PermanentError(`The mail server refuses this mail for good (${why}).`, { cause: error })
    case 'later':
      return new Error(`The mail server did not take this mail (${why}).`, { cause: error })
  }
}
