export type Severity = 'info' | 'warning' | 'critical'

/** How much a login, or the lack of one, should worry those who watch. */
export function severityOf(type: string): Severity {
  switch (type) {
    case 'account.locked':
      return 'critical'
    case 'login.failed':
      return 'warning'
    default:
      return 'info'
  }
}
