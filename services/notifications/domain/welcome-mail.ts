/** A mail that is ready to be sent. */
export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
  /** The same for the same cause, so that a mail that had to be sent twice is known as one. */
  readonly messageId: string
}

export interface Welcomed {
  readonly email: string
  readonly username: string
}

/** The mail that greets somebody who has registered. `key` names the cause. */
export function welcomeMail({ email, username }: Welcomed, key: string): Mail {
  return {
    to: email,
    subject: 'Welcome',
    text: `Hello ${username},\n\nyour account is ready. If it was not you who made it, just ignore this mail.\n`,
    messageId: `<${key}@notifications.tidings.example>`,
  }
}
