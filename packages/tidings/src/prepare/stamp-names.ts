import { contextNames } from '../events/context-names.ts'
import { nameGuard } from '../kernel/mistakes.ts'
import type { Stamp } from './prepare.ts'

/** What may be said of one event beside its data. */
export const stampNames: Readonly<Record<keyof Stamp, true>> = Object.freeze({
  id: true,
  timestamp: true,
  priority: true,
  ...contextNames,
})

const refuseUnknown = nameGuard(stampNames)

/** Throws `TIDINGS_INVALID_OPTION` for a name that there is none of. */
export function checkStampNames(stamp: Stamp): void {
  refuseUnknown('Cannot publish', stamp)
}
