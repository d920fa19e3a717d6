import { type EventHistory, type HistoricEvent, isEvent, type StreamLike } from 'tidings'

import { LoginFailed } from './contract/login-failed.ts'
import { UserLoggedIn } from './contract/user-logged-in.ts'

/** Most logins, and most refusals, that one export holds; the newest. */
const most = 5_000

export interface LoginInLog {
  readonly what: string
  readonly at: string
  readonly ipAddress: string | null
  readonly userAgent: string | null
}

/**
 * Logins of somebody and refusals at the account, the newest first, with where they came from: the log is the only place that knows. `account` is the hash of
 * the address, which refusals are told under; those of a time when it was nobody's, or somebody else's, are not among them.
 */
export async function loginsInLog(log: EventHistory, userId: string, account: string): Promise<readonly LoginInLog[]> {
  const logins = await newest(log, { category: UserLoggedIn.category, key: userId }, (event) =>
    isEvent(event, UserLoggedIn) ? entry(event, event.data) : undefined,
  )
  const refusals = await newest(log, { category: LoginFailed.category, key: account }, (event) =>
    isEvent(event, LoginFailed) && event.data.userId === userId ? entry(event, event.data) : undefined,
  )
  return [...logins, ...refusals].toSorted((a, b) => b.at.localeCompare(a.at))
}

async function newest(
  log: EventHistory,
  stream: StreamLike,
  pick: (event: HistoricEvent) => LoginInLog | undefined,
): Promise<readonly LoginInLog[]> {
  const found: LoginInLog[] = []
  for await (const event of log.readStream(stream, { reverse: true })) {
    const login = pick(event)
    if (login !== undefined) found.push(login)
    if (found.length === most) break
  }
  return found
}

function entry(
  { type, time }: HistoricEvent,
  { ipAddress, userAgent }: Pick<LoginInLog, 'ipAddress' | 'userAgent'>,
): LoginInLog {
  return { what: type, at: time, ipAddress, userAgent }
}
