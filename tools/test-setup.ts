import { requireNode } from './require-node.ts'
import { beginTestRun } from './servers/test-run.ts'

/** Runs once before all tests. What it returns runs after them, and stops the servers that they started. */
export default function setup(): () => Promise<void> {
  requireNode()
  return beginTestRun()
}
