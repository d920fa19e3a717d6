import { runVariable } from './instance.ts'
import { forgetMissing } from './missing.ts'
import { identify } from './process-identity.ts'
import { leaveShared, sweep } from './shared.ts'

/** Names this process as the test run whose workers use servers. Starts nothing. Returns what ends the run. */
export function beginTestRun(): () => Promise<void> {
  process.env[runVariable] = JSON.stringify(identify(process.pid))
  return async () => {
    forgetMissing()
    await leaveShared()
    await sweep()
  }
}
