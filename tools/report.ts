/** What a check found. Problems refuse the change, warnings ask for a second look. */
export interface Report {
  problems: string[]
  warnings: string[]
}

export interface Check {
  name: string
  run(root: string): Report | Promise<Report>
}

/** Lets `node tools/check-….ts` run one check alone. */
export async function runAlone(check: Check, root: string = process.cwd()): Promise<void> {
  const { problems, warnings } = await check.run(root)
  for (const warning of warnings) console.log(`warning: ${warning}`)
  for (const problem of problems) console.error(problem)
  console.log(`${check.name}: ${problems.length === 0 ? 'ok' : `${problems.length} refused`}`)
  if (problems.length > 0) process.exitCode = 1
}
