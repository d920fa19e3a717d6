import { runSeed } from './run-seed.ts'

/** Runs some seeds. Throws at the first that breaks a promise, naming it and how to see it again; returns the states that were reached. */
export async function runSeeds(from: number, to: number): Promise<Set<string>> {
  const reached = new Set<string>()
  for (let seed = from; seed <= to; seed++) {
    const { violation, reached: states } = await runSeed(seed)
    if (violation !== undefined) {
      throw new Error(
        `Seed ${seed} breaks invariant ${violation.invariant} after ${violation.at} virtual ms: ${violation.message}. See it with: npm run simulate -- --seed ${seed} --trace`,
      )
    }
    for (const state of states) reached.add(state)
  }
  return reached
}
