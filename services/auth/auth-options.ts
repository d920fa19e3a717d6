/** How patient the flows are. Times in milliseconds. */
export interface AuthOptions {
  /** Where people reach this service, for links in mails. */
  readonly publicUrl: string
  /** Services that hold something of users: asked for it, and asked to erase it. Auth itself comes last and is not named. */
  readonly dataServices: readonly string[]
  /** How long a step of a registration may take before the registration is taken back. */
  readonly registrationStep: number
  /** How long the mail of farewell may take before the erasure goes on without it. */
  readonly farewell: number
  /** From one request to erase to the next, to those that have not answered; doubles each time, up to an hour. */
  readonly eraseAgain: number
  /** After so many requests without an answer somebody is to look. */
  readonly eraseStuckAfter: number
  /** How long the code of a password reset opens something. */
  readonly passwordReset: number
  /** From one request for data to the next, to those that have not answered. */
  readonly exportAgain: number
  /** After this an export is handed out with what has come. */
  readonly exportWithin: number
  /** How long the link of an export opens something. */
  readonly exportLink: number
}

export const authDefaults: AuthOptions = Object.freeze({
  publicUrl: 'http://127.0.0.1:4000',
  dataServices: ['users', 'notifications', 'commerce', 'audit'],
  registrationStep: 300_000,
  farewell: 600_000,
  eraseAgain: 60_000,
  eraseStuckAfter: 5,
  passwordReset: 3_600_000,
  exportAgain: 60_000,
  exportWithin: 600_000,
  exportLink: 86_400_000,
})
