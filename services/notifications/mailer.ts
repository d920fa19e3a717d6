import { createTransport } from 'nodemailer'
import { PermanentError, TidingsError, UnavailableError } from 'tidings'
import type { Mail } from './domain/mail.ts'
import { mailFailure } from './domain/mail-failure.ts'

export interface MailerOptions {
  /** Where the mail server is, such as `smtp://user:secret@mail.example:587`. */
  readonly url: string
  /** Who the mails are from. */
  readonly from: string
  /**
   * How long the server may take for one answer, in milliseconds. Default 600,000, which RFC 5321 (4.5.3.2.6) grants it after the end of a mail:
   * it may scan first. Who waits for less sends again what was taken. 1 to 7,200,000.
   */
  readonly answersWithin?: number
}

/** Hands mails to a server. */
export interface Mailer {
  /** How many mails are on their way at once; more would wait for their turn. */
  readonly atOnce: number
  /** Longest that `send` takes, all steps together, in milliseconds, where `atOnce` is kept. */
  readonly sendsWithin: number
  /**
   * Resolves when the server has taken the mail over. Rejects with `UnavailableError` while the server cannot be reached or lets nobody in,
   * `PermanentError` when it will never take this mail, any other error when it may later. No error repeats the address. Once `signal` aborts,
   * a mail that waits for its turn is not sent, and one under way is broken off: the server may have taken it.
   */
  send(mail: Mail, signal: AbortSignal): Promise<void>
  close(): void
}

/** Mails on their way at once, each on a connection of its own. */
const atOnce = 2
/** Milliseconds from looking the server up to its greeting, which some hold back to see who cannot wait; TLS included. */
const connectsWithin = 30_000
/** Greetings (before TLS and after it), TLS, a login of three steps, sender, recipient, data, the mail; and one for good measure. */
const mostAnswers = 11

/** Throws `TIDINGS_INVALID_OPTION` for an `answersWithin` that is none. */
export function smtpMailer({ url, from, answersWithin = 600_000 }: MailerOptions): Mailer {
  if (!(Number.isSafeInteger(answersWithin) && answersWithin >= 1 && answersWithin <= 7_200_000))
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      'Expected `answersWithin` to be whole milliseconds from 1 to 7,200,000.',
      { details: { field: 'answersWithin' } },
    )
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: atOnce,
    connectionTimeout: connectsWithin,
    greetingTimeout: connectsWithin,
    socketTimeout: answersWithin,
    // Whoever calls tries again, and counts.
    maxRequeues: 0,
  })
  /** Message-IDs of mails that a connection was made for: the server knows of them. */
  const handedOver = new Set<string>()
  transport.use('stream', ({ data, message }, done) => {
    // A mail is read once its connection stands and we are let in.
    message.processFunc((input) => {
      if (data.messageId !== undefined) handedOver.add(data.messageId)
      return input
    })
    done()
  })
  return {
    atOnce,
    sendsWithin: connectsWithin + mostAnswers * answersWithin,
    async send({ to, subject, text, messageId }, signal) {
      try {
        await transport.sendMail({
          from,
          to,
          subject,
          text,
          messageId,
          headers: { 'auto-submitted': 'auto-generated' },
          signal,
        })
      } catch (error) {
        throw asHandlersKnowIt(error, handedOver.has(messageId))
      } finally {
        handedOver.delete(messageId)
      }
    },
    close: () => transport.close(),
  }
}

function asHandlersKnowIt(error: unknown, handedOver: boolean): Error {
  const { code, command, responseCode } = error as { code?: string; command?: string; responseCode?: number }
  // What the pool itself says names no command: a connection that had rested was gone before anything of this mail was said.
  const stood = handedOver && command !== undefined
  const why = `${code ?? 'unknown'}${responseCode === undefined ? '' : `, answer ${responseCode}`}`
  switch (mailFailure({ code, responseCode, stood })) {
    case 'unavailable':
      return new UnavailableError(`The mail server is away (${why}).`, { cause: error })
    case 'never':
      return new PermanentError(`The mail server refuses this mail for good (${why}).`, { cause: error })
    case 'later':
      // Without its cause: a timeout below would be read as a server that is away, and no attempt be spent.
      return new Error(`The mail server did not take this mail, or did not say so (${why}).`)
  }
}
