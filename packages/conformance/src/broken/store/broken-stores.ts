import type { BrokenStore } from '../broken-backend.ts'
import { capabilityFaults } from './capability-faults.ts'
import { commitFaults } from './commit-faults.ts'
import { documentFaults } from './document-faults.ts'
import { lifeFaults } from './life-faults.ts'
import { readingFaults } from './reading-faults.ts'

/** Every store that the suite must reject. */
export const brokenStores: readonly BrokenStore[] = [
  ...commitFaults,
  ...readingFaults,
  ...documentFaults,
  ...lifeFaults,
  ...capabilityFaults,
]
