import { requireNode } from './require-node.ts'

/** Runs once before all tests. */
export default function setup(): void {
  requireNode()
}
