/** When an account refuses further logins. Times in milliseconds. */
export interface LockoutRule {
  /** So many failures … */
  readonly failures: number
  /** … within this time lock the account … */
  readonly within: number
  /** … for this long after the last of them. */
  readonly lasts: number
}

export const lockoutRule: LockoutRule = { failures: 5, within: 15 * 60_000, lasts: 15 * 60_000 }

/** Until when an account with failures at these times is locked; undefined when it is not. */
export function lockedUntil(
  failedAt: readonly number[],
  now: number,
  rule: LockoutRule = lockoutRule,
): number | undefined {
  const newestFirst = failedAt.toSorted((a, b) => b - a)
  const newest = newestFirst[0]
  const deciding = newestFirst[rule.failures - 1]
  if (newest === undefined || deciding === undefined || newest - deciding > rule.within) return undefined
  const until = newest + rule.lasts
  return until > now ? until : undefined
}
