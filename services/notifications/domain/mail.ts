/** A mail that is ready to be sent. */
export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
  /** The same for the same cause, so that a mail that had to be sent twice is known as one. */
  readonly messageId: string
}

export interface Recipient {
  readonly email: string
  readonly username: string
}

interface Template {
  readonly subject: string
  /** `secret`: what was sealed for this mail. */
  readonly text: (secret: string) => string
}

const templates = {
  welcome: {
    subject: 'Welcome',
    text: () => 'your account is ready. If it was not you who made it, just ignore this mail.',
  },
  'registration-failed': {
    subject: 'Your registration has failed',
    text: () =>
      'something of ours did not answer, so your account could not be made ready. What there was of it is taken back, and we keep nothing of you. Please register once more.',
  },
  'password-reset': {
    subject: 'A new password',
    text: (secret) =>
      `somebody, hopefully you, has forgotten the password of this account. This code lets you choose another, once and for a short time:\n\n    ${secret}\n\nIf it was not you, do nothing: your password stays as it is. Give the code to nobody.`,
  },
  'password-changed': {
    subject: 'Your password was changed',
    text: () =>
      'the password of your account is another one now, and all sessions were ended. If it was not you, ask for a new password at once.',
  },
  farewell: {
    subject: 'Goodbye',
    text: () =>
      'as you have asked, your account and all that we hold of you is being erased. This is the last mail to this address; with it the address is forgotten.',
  },
  'export-ready': {
    subject: 'Your data',
    text: (secret) =>
      `all that we hold of you is put together. The link works for a limited time; give it to nobody:\n\n    ${secret}`,
  },
  'export-partial': {
    subject: 'Your data, with gaps',
    text: (secret) =>
      `what we hold of you is put together, but not all of our services have sent their part in time. Which ones are missing stands in it; ask again later for the rest. The link works for a limited time; give it to nobody:\n\n    ${secret}`,
  },
} as const satisfies Readonly<Record<string, Template>>

export type MailTemplate = keyof typeof templates

/** Mails that say nothing without their secret. */
export function needsSecret(kind: MailTemplate): boolean {
  return templates[kind].text.length > 0
}

/** The mail of a kind. `key` names the cause. */
export function mailOf(kind: MailTemplate, { email, username }: Recipient, key: string, secret = ''): Mail {
  const template: Template = templates[kind]
  return {
    to: email,
    subject: template.subject,
    text: `Hello ${username},\n\n${template.text(secret)}\n`,
    messageId: `<${key}@notifications.tidings.example>`,
  }
}
