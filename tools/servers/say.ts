import { writeSync } from 'node:fs'

/** Progress, to the terminal at once: installing takes a while, and test runners collect what goes through the console. */
export function say(line: string): void {
  try {
    writeSync(2, `servers: ${line}\n`)
  } catch {
    // Whoever closed our standard error does not want to know.
  }
}
