import { z } from 'zod'

/** What notifications reads from its environment beside what every service does. */
export interface MailConfig {
  /** Who mails are from. */
  readonly MAIL_FROM: string
}

/** An address of a mail server. */
export const smtpUrl: z.ZodType<string> = z.url({
  protocol: /^smtps?$/,
  error: 'must be a URL such as smtp://127.0.0.1:1025',
})

export const mailConfig: { readonly [Name in keyof MailConfig]: z.ZodType<MailConfig[Name]> } = {
  MAIL_FROM: z.string().default('Tidings <no-reply@tidings.example>'),
}
