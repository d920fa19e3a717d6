/** The seed of one suite's random moments: from TIDINGS_SEED, else drawn anew. Printed, so that a failure can be repeated. */
export function printedSeed(suite: string): number {
  const seed = Number(process.env.TIDINGS_SEED ?? Date.now() % 1_000_000)
  process.stdout.write(`${suite}: seed ${seed} (TIDINGS_SEED=${seed} repeats its random choices)\n`)
  return seed
}
