import type { Log } from '../kernel/log.ts'
import { conduct } from './conduct.ts'
import type { ProjectionState } from './generation.ts'
import type { ProjectionSettings } from './projection-settings.ts'
import { removeGeneration } from './remove-generation.ts'
import { changeState } from './state-store.ts'
import type { SwitchHost } from './switch-at.ts'
import { leave } from './transitions.ts'

/** What carrying on needs of a process. */
export interface Carrier extends SwitchHost {
  readonly log: Log
  readonly settings: ProjectionSettings
}

/** One step on with whatever is under way: a build that has caught up, a generation that has been kept for long enough, one that leaves. */
export async function carryOn(carrier: Carrier, read: ProjectionState): Promise<ProjectionState> {
  const { settings, store, runtime } = carrier
  let state = read
  const building = state.generations.find((one) => one.state === 'building' && one.version === settings.version)
  if (building !== undefined) state = await conduct(carrier, state, building)
  const now = runtime.now()
  for (const { number, keepUntil, state: is } of state.generations) {
    if (is === 'kept' && keepUntil !== undefined && keepUntil <= now)
      state =
        (await changeState(store, settings.name, (current) =>
          current?.generations.some((one) => one.number === number && one.state === 'kept') === true
            ? leave(current, number, now)
            : undefined,
        )) ?? state
  }
  for (const generation of state.generations)
    if (generation.state === 'leaving' && !carrier.closed()) state = await removeGeneration(carrier, state, generation)
  return state
}
