import type { Invariant } from '../facts.ts'
import type { World } from '../world.ts'
import { nothingAcknowledgedIsLost } from './01-nothing-acknowledged-is-lost.ts'
import { whatFailedIsNeverSeen } from './02-what-failed-is-never-seen.ts'
import { orderPerStream } from './03-order-per-stream.ts'
import { streamsInParallel } from './04-streams-in-parallel.ts'
import { repeatsHaveAReason } from './05-repeats-have-a-reason.ts'
import { effectsOnce } from './06-effects-once.ts'
import { duplicatesInTheWindow } from './07-duplicates-in-the-window.ts'
import { damageIsFound } from './14-damage-is-found.ts'
import { fencedOwners } from './16-fenced-owners.ts'
import { poisonIsParked } from './17-poison.ts'
import { redriveIsOnceOnly } from './18-redrive.ts'
import { oneWins } from './27-one-wins.ts'
import { retriesWait } from './37-retries-wait.ts'
import { effectRecords } from './effect-records.ts'

/** Every promise that is watched in every world. */
export const invariants: readonly ((world: World) => Invariant)[] = [
  nothingAcknowledgedIsLost,
  whatFailedIsNeverSeen,
  orderPerStream,
  streamsInParallel,
  repeatsHaveAReason,
  effectsOnce,
  effectRecords,
  duplicatesInTheWindow,
  damageIsFound,
  fencedOwners,
  poisonIsParked,
  redriveIsOnceOnly,
  oneWins,
  retriesWait,
]
