/** What a failure to send says about the mail. */
export type MailFailure =
  /** Nothing: the server is away, or we may not speak to it. */
  | 'unavailable'
  /** It may be taken later. */
  | 'later'
  /** It never will. */
  | 'never'

const away = new Set([
  'ECONNECTION',
  'ECONNREFUSED',
  'ECONNRESET',
  'EDNS',
  'ENOTFOUND',
  'ESOCKET',
  'ETIMEDOUT',
  'ETLS',
  'EAUTH',
  'EPROXY',
])

/** Reads the error of an SMTP client: its code, and the server's answer where there was one. */
export function mailFailure({
  code,
  responseCode,
}: {
  readonly code?: string | undefined
  readonly responseCode?: number | undefined
}): MailFailure {
  // 421: the server is closing; 454 and 530 to 538: we are not let in. None of it is about this mail.
  if (responseCode === 421 || responseCode === 454) return 'unavailable'
  if (responseCode !== undefined) {
    if (responseCode >= 530 && responseCode <= 538) return 'unavailable'
    return responseCode >= 500 ? 'never' : 'later'
  }
  if (code !== undefined && away.has(code)) return 'unavailable'
  return code === 'EENVELOPE' ? 'never' : 'later'
}
