import type { CommitResult, Unit } from '../store/store.ts'

/** One unit on its way, with whom to tell. */
export interface Submission {
  readonly unit: Unit
  /** 0 critical … 3 low. Matters only while more wait than fit one commit. */
  readonly rank: number
  /** Whether it is refused while too many wait. Publishers are; what a handler commits has been let in already, and only goes when it is committed. */
  readonly limited?: boolean
  /** Called once: with the store's answer, or with what the commit rejected with. A throw is logged. */
  settled(result: CommitResult | undefined, error: Error | undefined): void
}
