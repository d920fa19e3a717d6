import type { Invariant } from '../facts.ts'
import type { World } from '../world.ts'

/** 27: of those who append at the same expected version one wins at most; versions of a stream have no gaps, and its winner's receipt tells the truth. */
export function oneWins(world: World): Invariant {
  const versions = new Map<string, number>()
  return {
    appended({ stream, streamVersion }) {
      const before = versions.get(stream) ?? 0
      if (streamVersion !== before + 1) world.fail(27, `a stream goes from version ${before} to ${streamVersion}`)
      versions.set(stream, streamVersion)
    },
    published({ status, options, streamVersion, id, token }) {
      if (status !== 'acknowledged') return
      if (options.expectedVersion !== undefined && streamVersion !== options.expectedVersion + 1)
        world.fail(27, `${token} expected version ${options.expectedVersion} and stands at ${streamVersion}`)
      if (world.events.get(id ?? '')?.streamVersion !== streamVersion)
        world.fail(27, `the receipt of ${token} names version ${streamVersion}`)
    },
  }
}
