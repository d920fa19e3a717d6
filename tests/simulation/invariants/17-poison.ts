import type { Invariant } from '../facts.ts'
import { poisonTries } from '../subscriptions.ts'
import type { World } from '../world.ts'

/** 17: poison becomes a dead letter after exactly the attempts it has, with its cause and where it was thrown; never after fewer. */
export function poisonIsParked(world: World): Invariant {
  return {
    committed({ unit }) {
      for (const change of unit.documents ?? []) {
        if (change.collection !== 'parked' || !('put' in change)) continue
        const parked = JSON.parse(change.put) as {
          subscription: string
          state: string
          offset: number
          attempts: number
          error?: { message: string; stack?: string; fingerprint?: string }
        }
        if (parked.state !== 'dead') continue
        const what = `the dead letter of ${parked.subscription} at ${parked.offset}`
        if (parked.error?.stack === undefined || parked.error.fingerprint === undefined)
          world.fail(17, `${what} does not say why`)
        const { message } = parked.error ?? {}
        if (message === 'poison' && parked.attempts !== poisonTries)
          world.fail(17, `${what} has ${parked.attempts} attempts`)
        if (message === 'never' && parked.attempts < 1) world.fail(17, `${what} has no attempt`)
        if (message === 'nobody answers') world.fail(37, `${what} was parked although only its dependency was away`)
      }
    },
  }
}
