/** What a failure to send says about the mail. */
export type MailFailure =
  /** Nothing: the server cannot be reached, or we may not speak to it. */
  | 'unavailable'
  /** It may be taken later, or was taken without a word. */
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

/**
 * Reads the error of an SMTP client: its code, and the server's answer where there was one. `stood`: we were connected and let in when it happened.
 * From there on silence and broken connections may be about this very mail, and the server may have taken it: were they told as a server that is
 * away, the mail would be sent again for ever, and all others would wait.
 */
export function mailFailure({
  code,
  responseCode,
  stood,
}: {
  readonly code?: string | undefined
  readonly responseCode?: number | undefined
  readonly stood: boolean
}): MailFailure {
  // 421: the server is closing; 454 and 530 to 538: we are not let in. None of it is about this mail.
  if (responseCode === 421 || responseCode === 454) return 'unavailable'
  if (responseCode !== undefined) {
    if (responseCode >= 530 && responseCode <= 538) return 'unavailable'
    return responseCode >= 500 ? 'never' : 'later'
  }
  if (code !== undefined && away.has(code)) return stood ? 'later' : 'unavailable'
  return code === 'EENVELOPE' ? 'never' : 'later'
}
