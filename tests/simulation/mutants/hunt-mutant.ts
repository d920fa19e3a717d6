import type { Violation } from '../world.ts'
import { makeMutant } from './make-mutant.ts'
import type { Mutant } from './mutants.ts'

export interface Hunt {
  readonly mutant: Mutant
  /** The first seed that caught it; undefined: none did. */
  readonly seed: number | undefined
  readonly violation: Violation | undefined
}

/** Runs seeds from 1 on until one breaks a promise. */
export async function huntMutant(mutant: Mutant, most: number): Promise<Hunt> {
  const runSeed = await makeMutant(mutant)
  for (let seed = 1; seed <= most; seed++) {
    const { violation } = await runSeed(seed)
    if (violation !== undefined) return { mutant, seed, violation }
  }
  return { mutant, seed: undefined, violation: undefined }
}
