import type { BrokenTransport } from '../broken-backend.ts'
import { deliveryFaults } from './delivery-faults.ts'
import { groupFaults } from './group-faults.ts'
import { lifeFaults } from './life-faults.ts'
import { progressFaults } from './progress-faults.ts'

/** Every transport that the suite must reject. */
export const brokenTransports: readonly BrokenTransport[] = [
  ...deliveryFaults,
  ...groupFaults,
  ...lifeFaults,
  ...progressFaults,
]
