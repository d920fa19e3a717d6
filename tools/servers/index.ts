/**
 * Real servers for tests. A server is started when the first test asks for it, and stopped when the run is over.
 *
 *     const url = await serverUrl('redis')
 *     describe('on Redis', without('redis'), () => { … })
 */
import { missingReason } from './missing.ts'
import { titles, type WantedName } from './server-names.ts'
import { killShared, pauseShared, restartShared, resumeShared } from './shared.ts'

export type { Settings } from './instance.ts'
export { type OwnServer, startOwn } from './own.ts'
export { type Proxied, proxied } from './proxied.ts'
export type { ServerName } from './server-names.ts'
export { canStartOwn, programPath, serverUrl } from './server-url.ts'

/** For `describe`: skips a suite, and tells the closing lines why. */
export interface SkipWithReason {
  skip: boolean
  meta: { notRun?: string }
}

/** Skips a suite when one of these was asked for (`serverUrl`, `canStartOwn`, `programPath`) and could not be had. */
export function without(...names: WantedName[]): SkipWithReason {
  const missing = names.filter((name) => missingReason(name) !== undefined)
  if (missing.length === 0) return { skip: false, meta: {} }
  return { skip: true, meta: { notRun: `no ${missing.map((name) => titles[name]).join(', no ')}` } }
}

/** The shared servers. Everybody's tests use them: kill one only where no other test file may use it meanwhile. */
export const servers = {
  /** SIGKILL; data stay. */
  kill: killShared,
  /** Orderly if it runs, then started: same port and data. Returns when it serves clients. */
  restart: restartShared,
  /** SIGSTOP and SIGCONT. */
  pause: pauseShared,
  cont: resumeShared,
} as const
